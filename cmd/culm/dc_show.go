package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/culm-net/culm/dc"
)

type dcShowCommand struct {
	dcFiles
	JSON bool `name:"json" help:"Print JSON. Defaults are packed, in hex; implicit ones too."`
}

func (c *dcShowCommand) Run(e *env) error {
	schema, err := c.schema()
	if err != nil {
		return err
	}
	if !c.JSON {
		return showSchema(e.stdout, schema)
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", " ")
	return enc.Encode(newSchemaJSON(schema))
}

// showSchema writes a table of fields for each class.
func showSchema(w io.Writer, schema *dc.Schema) error {
	fmt.Fprintf(w, "hash 0x%08x\n", schema.Hash())
	for _, class := range schema.Classes() {
		fmt.Fprintf(w, "\n%v", class)
		if !class.IsStruct() {
			fmt.Fprintf(w, ", number %d", class.Number())
		}
		if parents := classNames(class.Parents()); len(parents) > 0 {
			fmt.Fprintf(w, ", inherits from %s", strings.Join(parents, ", "))
		}
		fmt.Fprintln(w)
		table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		for _, field := range class.Fields() {
			row := []string{"", fmt.Sprint(field.Number()), field.Name(), field.Kind().String(), strings.Join(field.Keywords(), " ")}
			if field.HasDefault() {
				row = append(row, "default "+defaultText(field))
			}
			fmt.Fprintln(table, strings.TrimRight(strings.Join(row, "\t"), "\t"))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// defaultText is the default as Panda3D writes values, or as a hex literal if
// it is one that no value has.
func defaultText(f *dc.Field) string {
	packed := f.AppendDefault(nil)
	text, err := f.AppendText(nil, packed)
	if err != nil {
		return fmt.Sprintf("<%x>", packed)
	}
	return string(text)
}

func classNames(classes []*dc.Class) []string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = c.Name()
	}
	return names
}

// schemaJSON and its parts are the format of --json.
type schemaJSON struct {
	Hash    uint32      `json:"hash"`
	Classes []classJSON `json:"classes"`
}

type classJSON struct {
	Number    int         `json:"number"` // -1 for a struct
	Name      string      `json:"name"`
	Struct    bool        `json:"struct"`
	Parents   []string    `json:"parents"`
	Inherited []fieldJSON `json:"inherited"`
}

type fieldJSON struct {
	Index    int      `json:"index"` // in this class, from 0
	Number   int      `json:"number"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Keywords []string `json:"keywords"`
	Default  string   `json:"default"` // packed, in hex
}

func newSchemaJSON(schema *dc.Schema) schemaJSON {
	s := schemaJSON{Hash: schema.Hash(), Classes: []classJSON{}}
	for _, class := range schema.Classes() {
		c := classJSON{
			Number:    class.Number(),
			Name:      class.Name(),
			Struct:    class.IsStruct(),
			Parents:   classNames(class.Parents()),
			Inherited: []fieldJSON{},
		}
		for i, field := range class.Fields() {
			c.Inherited = append(c.Inherited, fieldJSON{
				Index:    i,
				Number:   field.Number(),
				Name:     field.Name(),
				Kind:     field.Kind().String(),
				Keywords: append([]string{}, field.Keywords()...),
				Default:  hex.EncodeToString(field.AppendDefault(nil)),
			})
		}
		s.Classes = append(s.Classes, c)
	}
	return s
}
