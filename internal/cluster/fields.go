package cluster

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// field is a key, or a variant, of a struct of the configuration.
type field struct {
	index    int
	key      string // empty for a variant
	variant  string
	kind     string // empty for a section
	dflt     string
	has      bool // a default
	required bool
	own      bool
	port     string
	min      uint64 // of count, bytes and ms
	one      []string
	help     string
	elem     reflect.Type // of the field without list and pointer
	list     bool
	optional bool // a pointer
}

// fieldsOf lists the keys and variants of a struct. It panics when a tag is
// wrong, which each test sees.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag
		f := field{
			index: i, key: tag.Get("key"), variant: tag.Get("variant"), kind: tag.Get("kind"),
			required: tag.Get("required") == "true", own: tag.Get("own") == "true",
			port: tag.Get("port"), one: strings.Fields(tag.Get("one")), help: tag.Get("help"), elem: sf.Type,
		}
		if f.key == "" && f.variant == "" {
			continue
		}
		if least, ok := tag.Lookup("min"); ok {
			f.min, _ = strconv.ParseUint(least, 10, 64)
		}
		f.dflt, f.has = tag.Lookup("default")
		switch f.elem.Kind() {
		case reflect.Slice:
			f.list, f.elem = true, f.elem.Elem()
		case reflect.Pointer:
			f.optional, f.elem = true, f.elem.Elem()
		}
		if _, ok := kinds[f.kind]; !ok && (f.kind != "" || f.elem.Kind() != reflect.Struct) || f.help == "" {
			panic(fmt.Sprintf("cluster: %v.%s has a wrong kind, or no help", t, sf.Name))
		}
		fields = append(fields, f)
	}
	return fields
}

// variantsOf returns the variants among fields, by what "type" says.
func variantsOf(fields []field) (variants map[string]*field, names []string) {
	variants = make(map[string]*field)
	for i := range fields {
		if f := &fields[i]; f.variant != "" {
			variants[f.variant] = f
			names = append(names, f.variant)
		}
	}
	return variants, names
}
