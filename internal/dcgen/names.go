package dcgen

import (
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// exported makes an exported Go name of a name of the DC file: the first letter
// becomes a capital, and what does not begin with a letter gets an X in front.
func exported(name string) string {
	switch c := name[0]; {
	case 'a' <= c && c <= 'z':
		return string(c-'a'+'A') + name[1:]
	case 'A' <= c && c <= 'Z':
		return name
	}
	return "X" + name
}

// temporaries are the names that generated functions give to variables within.
var temporaries = regexp.MustCompile(`^(num|idx|start|sub)[0-9]+$`)

// local makes a name for a Go parameter of a parameter's name: the first letter
// becomes small, and what Go or the generated code needs gets an underscore at
// the end.
func local(name string, taken names) string {
	if c := name[0]; 'A' <= c && c <= 'Z' {
		name = string(c-'A'+'a') + name[1:]
	}
	if name == "_" || token.IsKeyword(name) || types.Universe.Lookup(name) != nil || temporaries.MatchString(name) {
		name += "_"
	}
	for taken[name] {
		name += "_"
	}
	taken[name] = true
	return name
}

// names are those that are in use.
type names map[string]bool

// take returns name, with as many underscores at its end as it takes for none
// of the names that forms makes of it to be in use. Then they are.
func (n names) take(name string, forms func(name string) []string) string {
	for {
		free := true
		for _, f := range forms(name) {
			free = free && !n[f]
		}
		if free {
			break
		}
		name += "_"
	}
	for _, f := range forms(name) {
		n[f] = true
	}
	return name
}

func (n names) takeOne(name string) string {
	return n.take(name, func(name string) []string { return []string{name} })
}

// reservedTypes are names that a generated package may not give to what comes
// from the DC files: what it declares itself, and the embedded objects.
var reservedTypes = []string{"Schema", "Hash", "Field", "Object", "Handler", "Register"}

// reservedMethods are names that methods of fields may not have: the embedded
// object, by which its own methods can always be reached, and methods from
// which Go or go vet expect something else.
var reservedMethods = strings.Fields("Object Error String GoString Format Scan " +
	"ReadByte ReadRune UnreadByte UnreadRune WriteByte ReadFrom WriteTo Seek " +
	"MarshalJSON UnmarshalJSON MarshalXML UnmarshalXML GobEncode GobDecode " +
	"MarshalText UnmarshalText MarshalBinary UnmarshalBinary")

// reservedLocals are the names that generated functions use themselves, and
// those of packages that they import, beside that of the shared package.
var reservedLocals = strings.Fields("dst data buf cur obj handler from field args to except err ok w zone owner o " +
	"wrap each cursor binary bytes errors math dc sync world client interp ai")

// reservedPackages are the names that generated functions without parameters of
// the DC files use, beside reservedLocals.
var reservedPackages = strings.Fields("a c f g h id m v view hooks check fresh")
