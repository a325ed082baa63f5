package dc

type KeywordSet struct{}
type pos struct{}
type literalKind uint8

const (
	litUint   literalKind = iota // 5, 0x5
	litInt                       // +5, -5
	litReal                      // 0.5
	litString                    // "a", 'a'
	litHex                       // <0102>: packed bytes as they are
	litList                      // (a, b), [a, b] or {a, b}; the brackets are all alike
)
type literal struct {
	pos    pos
	kind   literalKind
	num    uint64     // litUint; the int64 of a litInt; the float64's bits of a litReal
	text   string     // litString and litHex: the bytes
	list   []*literal // litList
	name   string     // "name = value": must be the name of what is packed
	repeat uint32     // "value * repeat": packed so many times in a row, 1 without one; 0 is possible. Never on strings and lists.
}

func parseLiteral(name string, text []byte) (*literal, error) {
	return nil, nil
}
