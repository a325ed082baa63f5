package dcgen

import (
	"fmt"
	"strings"
)

// direction is one of the ways in which messages go.
type direction struct {
	suffix, what string
	toServer     bool
}

var directions = []direction{
	{"ToServer", "messages to servers of %s objects: of clients, and those with airecv in a cluster also of other AIs", true},
	{"ToClient", "messages that servers send to clients of %s objects, and is told when state has changed", false},
}

// messagesFile writes the handler interfaces and the calls of their methods.
// They know neither worlds nor clients, so that others can use them too.
func (g *generator) messagesFile() error {
	w := &code{}
	for _, c := range g.classes {
		for _, d := range directions {
			g.messages(w, c, d)
		}
	}
	return g.add("messages.go", g.Package, "", w)
}

func (g *generator) messages(w *code, c *class, d direction) {
	list, embeds := c.handles(d.toServer)
	name := c.name + d.suffix
	declare, use, from, pass := "", "", "", ""
	if d.toServer {
		declare, use, from, pass = "[From any]", "[From]", "from From, ", "from, "
	}
	w.comment("%s is who gets the "+d.what+".", name, c.dc.Name())
	if d.toServer {
		w.p("// from is who sent them: a *world.Client in a world, an ai.Session in a cluster.")
	}
	w.p("type %s%s interface {", name, declare)
	if embeds {
		w.p("%s%s%s", c.parent.name, d.suffix, use)
	}
	for _, f := range list {
		if f.isState() {
			w.p("%sChanged()", f.name)
			continue
		}
		w.p("On%s(%s)", f.name, strings.TrimSuffix(from+f.signature(""), ", "))
	}
	w.p("}\n")

	w.p("// No%s is a %s that does nothing. Embed it to leave some messages out.", name, name)
	if embeds {
		w.p("type No%s%s struct { No%s%s%s }\n", name, declare, c.parent.name, d.suffix, use)
	} else {
		w.p("type No%s%s struct{}\n", name, declare)
	}
	for _, f := range list {
		if f.isState() {
			w.p("// %sChanged does nothing.", f.name)
			w.p("func (No%s) %sChanged() {}\n", name, f.name)
			continue
		}
		var types []string
		if d.toServer {
			types = append(types, "From")
		}
		for _, p := range f.params {
			types = append(types, p.typ.expr(""))
		}
		w.p("// On%s does nothing.", f.name)
		w.p("func (No%s%s) On%s(%s) {}\n", name, use, f.name, strings.Join(types, ", "))
	}

	var calls, changes []*field
	for _, f := range list {
		if f.isState() {
			changes = append(changes, f)
		} else {
			calls = append(calls, f)
		}
	}
	w.comment("Dispatch%s calls the handler's method for a message, whose arguments were checked, and returns false if there is none for it.", name)
	w.p("func Dispatch%s%s(handler %s%s, %sfield *dc.Field, args []byte) bool {", name, declare, name, use, from)
	rest := "return false"
	if embeds {
		rest = fmt.Sprintf("return Dispatch%s%s%s(handler, %sfield, args)", c.parent.name, d.suffix, use, pass)
	}
	w.byNumber(calls, rest, func(f *field) {
		if len(f.params) > 0 {
			w.p("%s := Read%s(args)", f.args(), f.codec)
		}
		w.p("handler.On%s(%s)", f.name, strings.TrimSuffix(pass+f.args(), ", "))
	})
	if d.toServer {
		return
	}
	w.comment("Changed%s tells the handler that a parameter field has changed, and returns false if the class has no such field.", name)
	w.p("func Changed%s(handler %s, field *dc.Field) bool {", name, name)
	if embeds {
		rest = fmt.Sprintf("return Changed%s%s(handler, field)", c.parent.name, d.suffix)
	}
	w.byNumber(changes, rest, func(f *field) { w.p("handler.%sChanged()", f.name) })
}

// byNumber writes the rest of a function: what to do for which field, and that it
// returns true then.
func (w *code) byNumber(list []*field, rest string, do func(f *field)) {
	if len(list) == 0 {
		w.p("%s", rest)
		w.p("}\n")
		return
	}
	w.p("switch field.Number() {")
	for _, f := range list {
		w.p("case Field%s:", f.codec)
		do(f)
	}
	w.p("default: %s", rest)
	w.p("}")
	w.p("return true")
	w.p("}\n")
}
