package typedtest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/culm-net/culm/internal/dcgen/typed"
	"github.com/culm-net/culm/internal/dcgen/typed/typedai"
	"github.com/culm-net/culm/internal/dcgen/typed/typedclient"
	"github.com/culm-net/culm/world"
)

// methods lists the methods that the type behind a pointer has beside those of
// another.
func methods(v, without any) string {
	typ := reflect.TypeOf(v)
	if typ.Elem().Kind() == reflect.Interface {
		typ = typ.Elem()
	}
	var names []string
	for m := range typ.Methods() {
		names = append(names, m.Name)
	}
	if without != nil {
		other := reflect.TypeOf(without)
		names = slices.DeleteFunc(names, func(n string) bool { _, ok := other.MethodByName(n); return ok })
	}
	return strings.Join(names, " ")
}

// TestNames holds what the names in testdata/odd.dc become, as docs/go-code.md
// says.
func TestNames(t *testing.T) {
	object := (*world.Object)(nil)
	for _, test := range []struct{ what, got, want string }{
		{"names that are taken", methods(&typedai.Names{}, object),
			"Name Name_ Object_ ReadByte_ SendFoo SendFooTo SendFooTo_ SendFooTo_Except SendFooTo_To SendFooExcept " +
				"SendFunc SendFuncExcept SendFuncTo SendSend SendSendExcept SendSendTo SendSendTo_ SendSendTo_Except SendSendTo_To " +
				"SendSetName SendSetNameExcept SendSetNameTo SetName SetName_ SetObject_ SetReadByte_ SetState SetType SetX_private SetZone Type X_private"},
		{"a class whose name is taken, with a field that is declared again", methods(&typedai.Names_{}, &typedai.Names{}), "Other SetOther"},
		{"what clients may send", methods((*typedai.NamesHandler)(nil), nil), "OnFunc OnNamesHandler OnSend OnSendTo_ OnSetName"},
		{"the same, declared again", methods((*typedai.Names_Handler)(nil), nil), "OnFunc OnNamesHandler OnSend OnSendTo_ OnSetName"},
		{"what servers send, and state", methods((*typedclient.NamesHandler)(nil), nil),
			"NameChanged Name_Changed Object_Changed OnFoo OnFooTo_ OnFunc OnSend OnSendTo_ OnSetName ReadByte_Changed StateChanged TypeChanged X_privateChanged ZoneChanged"},
		{"a class and the handler of another one", methods(&typedai.NamesHandler_{}, object), "Names SetNames"},
		{"molecular fields", methods(&typedai.Mover{}, object),
			"KeepSetLocation KeptSetLocation SendSetH SendSetHExcept SendSetHTo SendSetLocation SendSetLocationExcept SendSetLocationTo SendSetX SendSetXExcept SendSetXTo SendSetY SendSetYExcept SendSetYTo SendSetZ SendSetZExcept SendSetZTo"},
	} {
		got, want := strings.Fields(test.got), strings.Fields(test.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", test.what, got, want)
		}
	}
}

// TestShadow reaches the object's own method behind a field's.
func TestShadow(t *testing.T) {
	w, err := world.New(world.Config{Schema: typed.Schema()})
	if err != nil {
		t.Fatal(err)
	}
	n, err := typedai.NewNames(w, 7, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n.Zone() != 0 || n.Object.Zone() != 7 {
		t.Errorf("the field is %d and the zone %d", n.Zone(), n.Object.Zone())
	}
}
