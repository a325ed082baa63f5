package dcgen

import (
	"fmt"
	"strings"

	"github.com/culm-net/culm/dc"
)

// clusterFile writes the side of AIs and UberDOGs of a cluster.
func (g *generator) clusterFile() error {
	pkg := g.Package + Cluster.suffix()
	w := &code{}
	for _, c := range g.classes {
		g.clusterClass(w, c)
	}
	w.p("%s", strings.ReplaceAll(clusterHelpers, "NAME", g.Package))
	doc := fmt.Sprintf(`// Package %[1]s has the objects of package %[2]s as AIs and UberDOGs of a
// cluster have them, on package ai.
//
// NewX makes an object of the class X on a state server; FreshX makes one whose
// fields can be set before its Generate. XUberDOG makes an UberDOG, XAt names an
// object of another AI, and XOf takes any *ai.Object. Of a parameter field pos that is
// required or ram, Pos returns the value; SetPos changes it. An atomic field chat
// is sent with SendChat as its keywords say, and with SendChatTo to one client; if
// it is required or ram, KeptChat returns what the state server keeps of it.
// What clients and other AIs may send calls the handler's OnChat. An object that an
// interest shows has a view, which is told what clients are told. The object is in
// Object. Everything here is for inside, as package ai says.
`, pkg, g.Package)
	return g.add(pkg+"/objects.go", pkg, doc, w)
}

func (g *generator) clusterClass(w *code, c *class) {
	q := g.Package
	g.objectType(w, c, "ai", "AI")
	w.comment("%sHandler is who gets the messages of clients and other AIs to a %s. It may also have the methods of ai.MoveHandler and DeleteHandler, and of UpdateHandler for what it has no other method for.", c.name, c.name)
	w.p("type %sHandler = %s.%sToServer[ai.Session]\n", c.name, q, c.name)
	w.p("// No%sHandler is a handler that does nothing, to be embedded.", c.name)
	w.p("type No%sHandler = %s.No%sToServer[ai.Session]\n", c.name, q, c.name)
	w.comment("%sView is who is told of a %s that an interest shows what clients are told. It may also have the methods that handlers may have.", c.name, c.name)
	w.p("type %sView = %s.%sToClient\n", c.name, q, c.name)
	w.p("// No%sView is a view that does nothing, to be embedded.", c.name)
	w.p("type No%sView = %s.No%sToClient\n", c.name, q, c.name)

	w.comment("New%s makes a %s on the state server. The AI must have been made with %s.Schema.", c.name, c.name, q)
	w.p("func New%s(a *ai.AI, g ai.Generate, handler %sHandler) (%s, error) {", c.name, c.name, c.name)
	w.p("o, err := Fresh%s(a, handler)", c.name)
	w.p("if err == nil { err = o.Object.Generate(g) }")
	w.p("if err != nil { return %s{}, err }", c.name)
	w.p("return o, nil")
	w.p("}\n")
	w.comment("Fresh%s makes a %s that nobody sees until its Generate, as New%s does otherwise.", c.name, c.name, c.name)
	w.p("func Fresh%s(a *ai.AI, handler %sHandler) (%s, error) {", c.name, c.name, c.name)
	w.p("if err := check(a); err != nil { return %s{}, err }", c.name)
	g.wrapped(w, c, fmt.Sprintf("a.NewObject(%q, Handle%s(handler))", c.dc.Name(), c.name))
	w.comment("%sUberDOG makes the AI hear what is sent to a fixed doId. See ai.AI.UberDOG.", c.name)
	w.p("func %sUberDOG(a *ai.AI, id uint32, handler %sHandler) (%s, error) {", c.name, c.name, c.name)
	w.p("if err := check(a); err != nil { return %s{}, err }", c.name)
	g.wrapped(w, c, fmt.Sprintf("a.UberDOG(id, %q, Handle%s(handler))", c.dc.Name(), c.name))
	w.comment("%sAt names a %s that the AI need not know, such as an UberDOG of another process. See ai.AI.Remote.", c.name, c.name)
	w.p("func %sAt(a *ai.AI, id uint32) (%s, error) {", c.name, c.name)
	w.p("if err := check(a); err != nil { return %s{}, err }", c.name)
	g.wrapped(w, c, fmt.Sprintf("a.Remote(id, %q)", c.dc.Name()))
	g.ofFunction(w, c, "ai")

	for _, r := range []struct{ verb, what, typ, doc string }{
		{"Handle", "handler", "Handler", "Handle%s makes of a handler what package ai takes as that of a %s that the AI manages, such as in ai.Events.Adopted and SetHandler. The functions of this package take handlers as they are."},
		{"View", "view", "View", "View%s makes of a view what package ai takes as the handler of a %s that an interest shows: see ai.AI.Watch."},
	} {
		w.comment(r.doc, c.name, c.name)
		w.p("func %s%s(%s %s%s) any {", r.verb, c.name, r.what, c.name, r.typ)
		w.p("if %s == nil { return nil }", r.what)
		w.p("return %s%s{hooks{%s}, %s}", strings.ToLower(r.typ), c.name, r.what, r.what)
		w.p("}\n")
	}
	w.p("type handler%s struct {", c.name)
	w.p("hooks")
	w.p("handler %sHandler", c.name)
	w.p("}\n")
	w.p("func (h handler%s) Update(o *ai.Object, sender uint64, f *dc.Field, args []byte) {", c.name)
	w.p("from := o.AI().Session(sender)")
	w.p("each(f, args, func(f *dc.Field, args []byte) {")
	w.p("if !%s.Dispatch%sToServer(h.handler, from, f, args) { h.other(o, sender, f, args) }", q, c.name)
	w.p("})")
	w.p("}\n")
	w.p("type view%s struct {", c.name)
	w.p("hooks")
	w.p("view %sView", c.name)
	w.p("}\n")
	w.p("func (v view%s) Update(o *ai.Object, sender uint64, f *dc.Field, args []byte) {", c.name)
	w.p("each(f, args, func(f *dc.Field, args []byte) {")
	w.p("if !%s.Dispatch%sToClient(v.view, f, args) && !%s.Changed%sToClient(v.view, f) { v.other(o, sender, f, args) }", q, c.name, q, c.name)
	w.p("})")
	w.p("}\n")

	for _, f := range c.fields {
		set, get := "Send"+f.name, "Kept"+f.name
		if f.isState() {
			set, get = "Set"+f.name, f.name
		}
		if audience := clusterAudience(f); audience != "" {
			g.call(w, c, f, set, "", "SetPacked", "%s updates %s. "+audience)
		}
		if f.toClient() {
			g.call(w, c, f, set+"To", "to ai.Session", "SendPackedTo", "%s calls %s on one client, which must know the object.")
		}
		if f.isKept() {
			g.getter(w, c, f, get)
		}
	}
}

// wrapped returns what an expression makes as an object of a class.
func (g *generator) wrapped(w *code, c *class, expr string) {
	w.p("obj, err := %s", expr)
	w.p("if err != nil { return %s{}, err }", c.name)
	w.p("return wrap%s(obj), nil", c.name)
	w.p("}\n")
}

// clusterAudience is what the state server does with an update, as sentences; ""
// if there is nobody for whom it could be.
func clusterAudience(f *field) string {
	var to []string
	for _, k := range []struct {
		keyword dc.Keyword
		who     string
	}{
		{dc.Broadcast, "all who see the object's zone"},
		{dc.OwnRecv, "its owner"},
		{dc.AIRecv, "its AI"},
	} {
		if f.dc.Has(k.keyword) {
			to = append(to, k.who)
		}
	}
	kept := f.dc.Kind() != dc.Molecular && f.dc.HasAny(dc.Required|dc.RAM)
	switch {
	case kept && to == nil:
		return "The state server keeps it."
	case kept:
		return "The state server keeps it and tells " + strings.Join(to, ", ") + "."
	case to != nil:
		return "The state server tells " + strings.Join(to, ", ") + "."
	case f.dc.HasAny(dc.ClSend | dc.OwnSend):
		return "At an UberDOG of another AI it calls the handler; a state server tells nobody."
	}
	return ""
}

const clusterHelpers = `// Handler returns the handler or view that an object of this package has, or nil.
func Handler(o *ai.Object) any {
	h, _ := o.Handler().(interface{ gameHandler() any })
	if h == nil {
		return nil
	}
	return h.gameHandler()
}

func check(a *ai.AI) error {
	if a.Schema() != NAME.Schema() {
		return errors.New("NAMEcluster: the AI has other DC files; make it with Config.Schema: NAME.Schema()")
	}
	return nil
}

// each calls f for a field, or for the fields that a molecular one is made of.
func each(field *dc.Field, args []byte, f func(*dc.Field, []byte)) {
	if field.Kind() != dc.Molecular {
		f(field, args)
		return
	}
	for _, atomic := range field.Atomics() {
		n, err := atomic.Skip(args)
		if err != nil {
			return // it was checked
		}
		f(atomic, args[:n])
		args = args[n:]
	}
}

// hooks tells a handler or view of what is no message of its class.
type hooks struct{ handler any }

func (h hooks) gameHandler() any { return h.handler }

func (h hooks) other(o *ai.Object, sender uint64, f *dc.Field, args []byte) {
	if h, ok := h.handler.(ai.UpdateHandler); ok {
		h.Update(o, sender, f, args)
	}
}

func (h hooks) Moved(o *ai.Object, from ai.Location) {
	if h, ok := h.handler.(ai.MoveHandler); ok {
		h.Moved(o, from)
	}
}

func (h hooks) Delete(o *ai.Object) {
	if h, ok := h.handler.(ai.DeleteHandler); ok {
		h.Delete(o)
	}
}
`
