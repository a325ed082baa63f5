package dcgen

import "strings"

// composite writes a Go struct and its codec.
func (w *code) composite(c *composite) {
	w.temps = 0
	w.p("// %s is %s of the DC files.", c.name, c.what)
	if c.isSwitch {
		w.p("//")
		w.p("// %s says which of the others are packed:", c.members[0].name)
		w.p("//")
		for _, k := range c.cases {
			w.p("//\tcase %s: %s", keyText(c.members[0].typ, k.key), memberNames(k.members))
		}
		if c.other != nil {
			w.p("//\tdefault: %s", memberNames(c.other.members))
		}
	}
	w.p("type %s struct {", c.name)
	for _, e := range c.members {
		comment := ""
		if d := describe(e.typ); d != "" && !(c.isSwitch && e != c.members[0]) {
			comment = " // " + d
		}
		w.p("%s %s%s", e.name, e.typ.expr(""), comment)
	}
	w.p("}\n")
	if c.isSwitch {
		w.switchCodec(c)
		return
	}
	w.p("func (v *%s) append(dst []byte) (_ []byte, ok bool) {", c.name)
	w.appendAll(memberTypes(c.members))
	w.p("func (v *%s) read(cur *cursor) {", c.name)
	for _, e := range c.members {
		w.read("v."+e.name, e.typ)
	}
	w.p("}\n")
	w.p("func (v *%s) values() []any { return []any{%s} }\n", c.name, memberValues(c.members))
}

func (w *code) switchCodec(c *composite) {
	key := c.members[0]
	w.p("func (v *%s) appendKey(dst []byte) (_ []byte, ok bool) {", c.name)
	w.appendAll(memberTypes(c.members[:1]))

	each := func(f func(s switchCase)) {
		for _, k := range c.cases {
			w.p("case %q:", k.key)
			f(k)
		}
		if c.other != nil {
			w.p("default:")
			f(*c.other)
		}
	}
	w.p("func (v *%s) append(dst []byte) (_ []byte, ok bool) {", c.name)
	w.p("start0 := len(dst)")
	w.p("if dst, ok = v.appendKey(dst); !ok %s", giveUp)
	w.p("switch string(dst[start0:]) {")
	each(func(s switchCase) {
		names, types := memberTypes(s.members)
		if slow(types...) {
			w.p("return dst, false // left to dc.Field.Pack")
			return
		}
		for i, t := range types {
			w.append(names[i], t)
		}
	})
	if c.other == nil {
		w.p("default: return dst, false")
	}
	w.p("}")
	w.p("return dst, true")
	w.p("}\n")

	w.p("func (v *%s) read(cur *cursor) {", c.name)
	w.p("start0 := cur.data")
	w.read("v."+key.name, key.typ)
	w.p("switch string(start0[:len(start0)-len(cur.data)]) {")
	each(func(s switchCase) {
		for _, e := range s.members {
			w.read("v."+e.name, e.typ)
		}
	})
	w.p("}")
	w.p("}\n")

	w.p("func (v *%s) values() []any {", c.name)
	w.p("if key, ok := v.appendKey(nil); ok {")
	w.p("switch string(key) {")
	each(func(s switchCase) {
		w.p("return []any{%s}", memberValues(append([]*member{key}, s.members...)))
	})
	w.p("}")
	w.p("}")
	w.p("return []any{%s}", memberValues([]*member{key}))
	w.p("}\n")
}

func memberValues(list []*member) string {
	var s []string
	for _, e := range list {
		s = append(s, value("v."+e.name, e.typ))
	}
	return strings.Join(s, ", ")
}

func memberNames(list []*member) string {
	var s []string
	for _, e := range list {
		s = append(s, e.name)
	}
	if s == nil {
		return "nothing"
	}
	return strings.Join(s, ", ")
}

func memberTypes(list []*member) (e []string, types []*typ) {
	for _, m := range list {
		e, types = append(e, "v."+m.name), append(types, m.typ)
	}
	return e, types
}
