package dcgen

import (
	"strconv"

	"github.com/culm-net/culm/dc"
)

// class is a dclass for which code is generated.
type class struct {
	dc     *dc.Class
	name   string // of its Go types
	parent *class // the first, which is embedded; or nil
	fields []*field
	byName map[string]*field // by name in the DC file: its own and all inherited ones
	taken  names             // those of methods
}

// field is a field of a dclass.
type field struct {
	dc     *dc.Field
	name   string // of the field in the names of methods
	codec  string // name of the class and the field, in the names of functions
	params []param
}

func (f *field) isState() bool { return f.dc.Kind() == dc.Parameter }

// isKept says that a world keeps the arguments of the last call, and a state
// server of a cluster these and values.
func (f *field) isKept() bool {
	return f.dc.Kind() != dc.Molecular && f.dc.HasAny(dc.Required|dc.RAM)
}

// fromClients says that clients may send it.
func (f *field) fromClients() bool {
	return f.dc.Kind() == dc.Atomic && f.dc.HasAny(dc.ClSend|dc.OwnSend)
}

// toServer says that it is a message to who manages the object: of clients or, in
// a cluster, of another AI.
func (f *field) toServer() bool {
	return f.fromClients() || f.dc.Kind() == dc.Atomic && f.dc.Has(dc.AIRecv)
}

// toClient says that servers send it: also what no keyword lets anybody send,
// as a message to one client.
func (f *field) toClient() bool {
	return f.dc.Kind() == dc.Atomic && (f.isSent() || !f.toServer())
}

// isSent says that the keywords tell who gets it.
func (f *field) isSent() bool { return f.dc.HasAny(dc.Broadcast | dc.OwnRecv) }

func (f *field) isBroadcast() bool { return f.dc.Has(dc.Broadcast) }

// audience says on whom a field is called that is sent as its keywords say.
func audience(f *field) string {
	if f.isBroadcast() {
		return "all clients that see the object's zone"
	}
	return "the object's owner"
}

// classForms are the names that a class takes.
func classForms(n string) []string {
	return []string{
		n, n + "Handler", "New" + n, "Fresh" + n, n + "Of", "No" + n + "Handler", "Register" + n,
		n + "UberDOG", n + "At", "Handle" + n, "View" + n, n + "View", "No" + n + "View",
		n + "ToServer", n + "ToClient", "Dispatch" + n + "ToServer", "Dispatch" + n + "ToClient", "Changed" + n + "ToClient",
		"Register" + n + "Owner",
		"No" + n + "ToServer", "No" + n + "ToClient",
	}
}

func codecForms(n string) []string {
	return []string{"Field" + n, "Pack" + n, "Read" + n}
}

// methodForms are the names of methods that a field may have, on either side.
func methodForms(f *dc.Field) func(n string) []string {
	return func(n string) []string {
		if f.Kind() == dc.Parameter {
			return []string{n, "Set" + n, "Interpolate" + n, n + "Changed"}
		}
		return []string{"Send" + n, "Send" + n + "To", "Send" + n + "Except", "Keep" + n, "Kept" + n, "On" + n}
	}
}

func (m *model) class(c *dc.Class) *class {
	for _, k := range m.classes {
		if k.dc == c {
			return k
		}
	}
	return nil
}

// fill gives a class its fields, after those that it inherits from.
func (m *model) fill(c *class) {
	d := c.dc
	c.byName, c.taken = map[string]*field{}, names{}
	if p := d.Parents(); len(p) > 0 {
		c.parent = m.class(p[0])
	}
	if c.parent == nil {
		for _, n := range reservedMethods {
			c.taken[n] = true
		}
	} else {
		for n := range c.parent.taken {
			c.taken[n] = true
		}
		for n, f := range c.parent.byName {
			c.byName[n] = f
		}
		// It is a field of the Go struct.
		c.taken[c.parent.name] = true
	}
	for _, f := range d.Fields() {
		if d.FieldByName(f.Name()) != f {
			continue // hidden by another one of its name, without virtual inheritance
		}
		old := c.byName[f.Name()]
		if old != nil && old.dc == f {
			continue
		}
		k := m.declared(f)
		if old != nil {
			// It hides the parent's methods, whose names it takes over.
			k.name = old.name
			if (old.dc.Kind() == dc.Parameter) != (f.Kind() == dc.Parameter) {
				k.name = c.taken.take(exported(f.Name()), methodForms(f))
			}
		} else {
			k.name = c.taken.take(exported(f.Name()), methodForms(f))
		}
		c.byName[f.Name()] = k
		c.fields = append(c.fields, k)
	}
}

// declared returns what is common to a field in all classes that have it.
func (m *model) declared(f *dc.Field) *field {
	for _, c := range m.classes {
		for _, k := range c.fields {
			if k.dc == f {
				again := *k
				return &again
			}
		}
	}
	k := &field{dc: f}
	k.codec = m.names.take(exported(f.Class().Name())+exported(f.Name()), codecForms)
	taken := names{m.pkg: true}
	for _, n := range reservedLocals {
		taken[n] = true
	}
	for i, p := range f.Params() {
		name := p.Name()
		if f.Kind() == dc.Parameter {
			name = "value"
		}
		hint := exported(f.Name())
		switch {
		case f.Kind() != dc.Parameter && name != "":
			hint += exported(name)
		case name == "" && len(f.Params()) == 1:
			name = "value"
		case name == "":
			name = "value" + strconv.Itoa(i+1)
		}
		k.params = append(k.params, param{local(name, taken), m.typeOf(p.Type(), exported(f.Class().Name())+hint)})
	}
	return k
}

// methods returns the fields of a class and its ancestors that satisfy keep, by
// their numbers.
func (c *class) methods(keep func(*field) bool) []*field {
	var list []*field
	seen := map[*dc.Field]bool{} // without virtual inheritance fields can be there twice
	for _, f := range c.dc.Fields() {
		if k := c.byName[f.Name()]; k != nil && k.dc == f && !seen[f] && keep(k) {
			seen[f] = true
			list = append(list, k)
		}
	}
	return list
}

// handles returns the fields that the class's handler of messages in one
// direction, and of changes of state in that to clients, has beside those of its parent's handler, and whether it has
// those: not if a message of the parent is another one here, or none.
func (c *class) handles(toServer bool) (list []*field, embeds bool) {
	keep := func(f *field) bool { return f.toClient() || f.isState() }
	if toServer {
		keep = (*field).toServer
	}
	all := c.methods(keep)
	if c.parent == nil {
		return all, false
	}
	old := c.parent.methods(keep)
	for _, f := range old {
		if c.byName[f.dc.Name()].dc != f.dc {
			return all, false
		}
	}
	for _, f := range all {
		if k := c.parent.byName[f.dc.Name()]; k == nil || k.dc != f.dc {
			list = append(list, f)
		}
	}
	return list, true
}
