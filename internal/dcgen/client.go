package dcgen

import (
	"fmt"
	"strings"

	"github.com/culm-net/culm/dc"
)

// clientFile writes the client's side.
func (g *generator) clientFile() error {
	pkg := g.Package + Client.suffix()
	w := &code{}
	for _, c := range g.classes {
		g.clientClass(w, c)
	}
	w.p("%s", strings.ReplaceAll(clientHelpers, "NAME", g.Package))
	doc := fmt.Sprintf(`// Package %[1]s has the objects of package %[2]s as a client sees them, on package
// client.
//
// RegisterX says who handles the objects of the class X. Of a parameter field pos,
// Pos returns the value that the server has told last, and InterpolatePos makes
// what to show of it; the handler's PosChanged is called when a snapshot has changed it.
// An atomic field chat that clients may send is sent with SendChat; one that the
// server sends calls the handler's OnChat. The client's object is in Object.
`, pkg, g.Package)
	return g.add(pkg+"/objects.go", pkg, doc, w)
}

func (g *generator) clientClass(w *code, c *class) {
	q := g.Package
	g.objectType(w, c, "client", "client's")
	w.comment("%sHandler is who gets the messages of the server to a %s, and is told when its state has changed. It may also have the methods that package client calls of views, such as client.AnnounceGenerateHandler and InterpolateHandler.", c.name, c.name)
	w.p("type %sHandler = %s.%sToClient\n", c.name, q, c.name)
	w.p("// No%sHandler is a handler that does nothing, to be embedded.", c.name)
	w.p("type No%sHandler = %s.No%sToClient\n", c.name, q, c.name)

	for _, r := range []struct{ owner, which string }{
		{"", "each %s that comes into view from now on, but not for those of classes that inherit from it"},
		{"Owner", "each %s that the client owns, instead of what Register" + c.name + " says"},
	} {
		w.comment("Register%s%s has view called for "+r.which+". It returns the handler, or nil for none. The client must have been made with %s.Schema.", c.name, r.owner, c.name, q)
		w.p("func Register%s%s(c *client.Client, view func(o %s) %sHandler) error {", c.name, r.owner, c.name, c.name)
		w.p("if c.Schema() != %s.Schema() { return errSchema }", q)
		w.p("return c.Register%s(%q, func(o *client.Object) any {", r.owner, c.dc.Name())
		w.p("if handler := view(wrap%s(o)); handler != nil { return view%s{hooks{handler}, handler} }", c.name, c.name)
		w.p("return nil")
		w.p("})")
		w.p("}\n")
	}
	g.ofFunction(w, c, "client")

	w.p("type view%s struct {", c.name)
	w.p("hooks")
	w.p("handler %sHandler", c.name)
	w.p("}\n")
	w.p("func (v view%s) Message(_ *client.Object, m client.Message) {", c.name)
	w.p("%s.Dispatch%sToClient(v.handler, m.Field, m.Args)", q, c.name)
	w.p("}\n")
	w.p("func (v view%s) PostDataUpdate(o *client.Object, fields []int) {", c.name)
	w.p("v.hooks.PostDataUpdate(o, fields)")
	w.p("for _, i := range fields { %s.Changed%sToClient(v.handler, o.Class().Fields()[i]) }", q, c.name)
	w.p("}\n")

	for _, f := range c.fields {
		switch {
		case f.isState():
			g.getter(w, c, f, f.name)
			g.interpolation(w, c, f)
		case f.fromClients():
			who := "the object on the server"
			if !f.dc.Has(dc.ClSend) {
				who += ", which the client must own"
			}
			g.call(w, c, f, "Send"+f.name, "", "SendPacked", "%s calls %s of "+who+".")
		}
	}
}

// interpolation writes a method that makes an interpolated variable, if the field
// is something that moves.
func (g *generator) interpolation(w *code, c *class, f *field) {
	q := g.Package
	typ, expr, note := interpolated(f.params[0].typ)
	if typ == "" {
		return
	}
	w.comment("Interpolate%s makes what to show of %s while it moves.%s See client.Interpolate.", f.name, f.dc, note)
	w.p("func (o *%s) Interpolate%s(opts ...client.Option) *client.Variable[%s] {", c.name, f.name, typ)
	w.p("return client.Interpolate(o.Object, func(o *client.Object) %s {", typ)
	w.p("v := %s.Read%s(o.Value(%s.Field(%s.Field%s)))", q, f.codec, q, q, f.codec)
	w.p("return %s", expr)
	w.p("}, opts...)")
	w.p("}\n")
}

// interpolated returns the type as which a value v is interpolated, "" if it is
// not, and the expression that converts it.
func interpolated(t *typ) (typ, expr, note string) {
	if t.isNumber() && t.dc.Kind() != dc.Char {
		switch m := t.dc.Modulus(); {
		case m > 0:
			return "interp.Loop", fmt.Sprintf("interp.Loop(%s / %s)", toFloat("v", t), number(m)),
				fmt.Sprintf(" It goes round the shorter way; times %s it is the field's value.", number(m))
		case t.plain == "float32":
			return "float32", "v", ""
		}
		return "float64", toFloat("v", t), ""
	}
	var parts, names []string
	switch {
	case t.comp != nil && !t.comp.isSwitch:
		for _, e := range t.comp.members {
			if !isCoordinate(e.typ) {
				return "", "", ""
			}
			parts = append(parts, toFloat("v."+e.name, e.typ))
			names = append(names, strings.ToLower(e.dc))
		}
	case t.elem != nil && t.n > 0 && isCoordinate(t.elem):
		for i := range t.n {
			parts = append(parts, toFloat(fmt.Sprintf("v[%d]", i), t.elem))
		}
	}
	if len(parts) < 2 || len(parts) > 4 {
		return "", "", ""
	}
	typ = fmt.Sprintf("interp.Vec%d", len(parts))
	switch strings.Join(names, "") {
	case "hpr":
		typ = "interp.HPR"
	case "rijk":
		typ = "interp.Quat"
	}
	return typ, typ + "{" + strings.Join(parts, ", ") + "}", ""
}

func isCoordinate(t *typ) bool {
	return t.isNumber() && t.dc.Kind() != dc.Char
}

func toFloat(v string, t *typ) string {
	if t.plain == "float64" {
		return v
	}
	return "float64(" + v + ")"
}

const clientHelpers = `// Handler returns the handler that a Register function of this package was given
// for an object, or nil.
func Handler(o *client.Object) any {
	h, _ := o.View().(interface{ gameHandler() any })
	if h == nil {
		return nil
	}
	return h.gameHandler()
}

var errSchema = errors.New("NAMEclient: the client has other DC files; make it with Config.Schema: NAME.Schema()")

// hooks tells a handler what package client tells views.
type hooks struct{ handler any }

func (h hooks) gameHandler() any { return h.handler }

func (h hooks) Generate(o *client.Object) {
	if h, ok := h.handler.(client.GenerateHandler); ok {
		h.Generate(o)
	}
}

func (h hooks) AnnounceGenerate(o *client.Object) {
	if h, ok := h.handler.(client.AnnounceGenerateHandler); ok {
		h.AnnounceGenerate(o)
	}
}

func (h hooks) PreDataUpdate(o *client.Object) {
	if h, ok := h.handler.(client.PreDataUpdateHandler); ok {
		h.PreDataUpdate(o)
	}
}

func (h hooks) PostDataUpdate(o *client.Object, fields []int) {
	if h, ok := h.handler.(client.PostDataUpdateHandler); ok {
		h.PostDataUpdate(o, fields)
	}
}

func (h hooks) Interpolated(o *client.Object) {
	if h, ok := h.handler.(client.InterpolateHandler); ok {
		h.Interpolated(o)
	}
}

func (h hooks) ZoneChanged(o *client.Object, from uint32) {
	if h, ok := h.handler.(client.ZoneHandler); ok {
		h.ZoneChanged(o, from)
	}
}

func (h hooks) Disable(o *client.Object) {
	if h, ok := h.handler.(client.DisableHandler); ok {
		h.Disable(o)
	}
}

func (h hooks) Delete(o *client.Object) {
	if h, ok := h.handler.(client.DeleteHandler); ok {
		h.Delete(o)
	}
}
`
