package dcgen

import (
	"fmt"
	"strings"
)

// aiFile writes the server's side.
func (g *generator) aiFile() error {
	pkg := g.Package + World.suffix()
	w := &code{}
	for _, c := range g.classes {
		g.aiClass(w, c)
	}
	w.p("%s", strings.ReplaceAll(aiHelpers, "NAME", g.Package))
	doc := fmt.Sprintf(`// Package %[1]s has the objects of package %[2]s as a server, the AI side, has
// them, on worlds of package world.
//
// NewX makes an object of the class X in a world; FreshX makes one whose fields
// can be set before its Generate. Of a parameter field pos, Pos returns the value
// and SetPos changes it. An atomic field chat is sent with SendChat as its
// keywords say, with SendChatTo to one client, and with SendChatExcept to all but
// some; if it is required or ram, KeepChat changes what new clients get without
// sending, and KeptChat returns it. What clients may send calls the handler's
// OnChat. The object of the world is in Object.
`, pkg, g.Package)
	return g.add(pkg+"/objects.go", pkg, doc, w)
}

func (g *generator) aiClass(w *code, c *class) {
	q := g.Package
	g.objectType(w, c, "world", "AI")
	w.comment("%sHandler is who gets the messages of clients to a %s. It may also have the methods of world.GenerateHandler, AnnounceGenerateHandler, DisableHandler and DeleteHandler.", c.name, c.name)
	w.p("type %sHandler = %s.%sToServer[*world.Client]\n", c.name, q, c.name)
	w.p("// No%sHandler is a handler that does nothing, to be embedded.", c.name)
	w.p("type No%sHandler = %s.No%sToServer[*world.Client]\n", c.name, q, c.name)

	w.comment("New%s makes a %s and generates it in a zone, with an owner or nil. Its messages go to handler; if that is nil, to world.Events.Message. The world must have been made with %s.Schema.", c.name, c.name, q)
	w.p("func New%s(w *world.World, zone uint32, owner *world.Client, handler %sHandler) (%s, error) {", c.name, c.name, c.name)
	w.p("o, err := Fresh%s(w, handler)", c.name)
	w.p("if err == nil { err = o.Object.Generate(zone, owner) }")
	w.p("if err != nil { return %s{}, err }", c.name)
	w.p("return o, nil")
	w.p("}\n")

	w.comment("Fresh%s makes a %s that nobody sees until its Generate, as New%s does otherwise.", c.name, c.name, c.name)
	w.p("func Fresh%s(w *world.World, handler %sHandler) (%s, error) {", c.name, c.name, c.name)
	w.p("var h any")
	w.p("if handler != nil { h = messages%s{hooks{handler}, handler} }", c.name)
	w.p("obj, err := fresh(w, %q, h)", c.dc.Name())
	w.p("if err != nil { return %s{}, err }", c.name)
	w.p("return wrap%s(obj), nil", c.name)
	w.p("}\n")

	g.ofFunction(w, c, "world")

	w.p("type messages%s struct {", c.name)
	w.p("hooks")
	w.p("handler %sHandler", c.name)
	w.p("}\n")
	w.p("func (m messages%s) Message(c *world.Client, _ *world.Object, f *dc.Field, args []byte) {", c.name)
	w.p("%s.Dispatch%sToServer(m.handler, c, f, args)", q, c.name)
	w.p("}\n")

	for _, f := range c.fields {
		switch {
		case f.isState():
			g.getter(w, c, f, f.name)
			g.call(w, c, f, "Set"+f.name, "", "SetPacked", "%s changes %s; clients get it with the next snapshot.")
		case f.toClient():
			if f.isSent() {
				g.call(w, c, f, "Send"+f.name, "", "SendPacked", "%s calls %s on "+audience(f)+".")
			}
			g.call(w, c, f, "Send"+f.name+"To", "to *world.Client", "SendPackedTo", "%s calls %s on one client, which must see the object's zone.")
			if f.isBroadcast() {
				g.call(w, c, f, "Send"+f.name+"Except", "except []*world.Client", "SendPackedExcept", "%s calls %s on all clients that see the object's zone but some.")
			}
		}
		if f.isKept() && !f.isState() {
			g.call(w, c, f, "Keep"+f.name, "", "SetPacked", "%s keeps arguments of %s for clients to whom the object is new, and sends nothing.")
			g.getter(w, c, f, "Kept"+f.name)
		}
	}
}

// objectType writes the Go type of a class's objects.
func (g *generator) objectType(w *code, c *class, pkg, side string) {
	w.p("// %s is %s on the %s side.", c.name, c.dc, side)
	w.p("type %s struct {", c.name)
	if c.parent != nil {
		w.p("%s", c.parent.name)
	} else {
		w.p("*%s.Object", pkg)
	}
	w.p("}\n")
	inner := "o"
	if c.parent != nil {
		inner = fmt.Sprintf("wrap%s(o)", c.parent.name)
	}
	w.p("func wrap%s(o *%s.Object) %s { return %s{%s} }\n", c.name, pkg, c.name, c.name, inner)
}

func (g *generator) ofFunction(w *code, c *class, pkg string) {
	w.comment("%sOf returns an object as a %s, false if it is nil, or of a class that does not inherit from %s.", c.name, c.name, c.dc.Name())
	w.p("func %sOf(o *%s.Object) (_ %s, ok bool) {", c.name, pkg, c.name)
	w.p("if o == nil || !o.Class().InheritsFrom(%s.Schema().Class(%q)) { return %s{}, false }", g.Package, c.dc.Name(), c.name)
	w.p("return wrap%s(o), true", c.name)
	w.p("}\n")
}

// getter writes a method that returns a field's value.
func (g *generator) getter(w *code, c *class, f *field, name string) {
	q := g.Package
	if f.isState() {
		w.comment("%s returns %s.%s", name, f.dc, f.limits())
	} else if len(f.params) == 0 {
		return
	} else {
		w.comment("%s returns the arguments of %s that are kept for clients to whom the object is new.%s", name, f.dc, f.limits())
	}
	result := f.signature(q)
	if len(f.params) == 1 {
		result = f.params[0].typ.expr(q)
	}
	w.p("func (o *%s) %s() (%s) {", c.name, name, result)
	w.p("return %s.Read%s(o.Object.Value(%s.Field(%s.Field%s)))", q, f.codec, q, q, f.codec)
	w.p("}\n")
}

// call writes a method that packs a field's arguments and hands them to the
// object.
func (g *generator) call(w *code, c *class, f *field, name, first, method, comment string) {
	q := g.Package
	w.comment(comment+"%s", name, f.dc, f.limits())
	w.p("func (o *%s) %s(%s) error {", c.name, name, strings.Trim(first+", "+f.signature(q), ", "))
	args := ""
	switch arg, typ, _ := strings.Cut(first, " "); {
	case typ == "ai.Session":
		args = arg + ".Channel(), "
	case first != "":
		args = arg + ", "
	}
	data := "nil"
	if len(f.params) > 0 {
		data = "data"
		w.p("var buf [%d]byte", bufferSize(f))
		w.p("data, err := %s.Pack%s(buf[:0], %s)", q, f.codec, f.args())
		w.p("if err != nil { return err }")
	}
	w.p("return o.Object.%s(%s%s.Field(%s.Field%s), %s)", method, args, q, q, f.codec, data)
	w.p("}\n")
}

// bufferSize is how many bytes on the stack a field is packed into. What is longer
// moves to the heap.
func bufferSize(f *field) int {
	_, types := f.types()
	size := 0
	for _, t := range types {
		n, fixed := t.dc.FixedSize()
		if !fixed {
			return 64
		}
		size = min(size+n, 128)
	}
	return size
}

const aiHelpers = `// Handler returns the handler that an object of this package was made with, or
// nil.
func Handler(o *world.Object) any {
	h, _ := o.Handler().(interface{ gameHandler() any })
	if h == nil {
		return nil
	}
	return h.gameHandler()
}

func fresh(w *world.World, class string, handler any) (*world.Object, error) {
	if w.Schema() != NAME.Schema() {
		return nil, errors.New("NAMEai: the world has other DC files; make it with Config.Schema: NAME.Schema()")
	}
	return w.NewObject(class, handler)
}

// hooks tells a handler of its object's lifecycle.
type hooks struct{ handler any }

func (h hooks) gameHandler() any { return h.handler }

func (h hooks) Generate(o *world.Object) {
	if h, ok := h.handler.(world.GenerateHandler); ok {
		h.Generate(o)
	}
}

func (h hooks) AnnounceGenerate(o *world.Object) {
	if h, ok := h.handler.(world.AnnounceGenerateHandler); ok {
		h.AnnounceGenerate(o)
	}
}

func (h hooks) Disable(o *world.Object) {
	if h, ok := h.handler.(world.DisableHandler); ok {
		h.Disable(o)
	}
}

func (h hooks) Delete(o *world.Object) {
	if h, ok := h.handler.(world.DeleteHandler); ok {
		h.Delete(o)
	}
}
`
