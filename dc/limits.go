package dc

// Bounds on what a schema may declare. A schema is read by the operator and
// not sent by peers, but a mistyped size must not eat the machine, and tools
// read files of strangers. Real schemas stay far below all of them.
const (
	// maxErrors is how many errors one run reports.
	maxErrors = 10
	// maxSourceSize is the size of all files together, in bytes.
	maxSourceSize = 16 << 20
	// maxNodes bounds the declarations, parameters, list items and names of
	// all files together.
	maxNodes = 1 << 18
	// maxDepth bounds how deeply types and lists nest, in the text as well as
	// through the names of structs and typedefs.
	maxDepth = 64
	// maxRanges bounds the ranges of one type.
	maxRanges = 1024
	// maxNumbers bounds the classes and the numbered fields, whose numbers
	// are 16 bits wide in every protocol.
	maxNumbers = 1 << 16
	// maxInherited bounds what all classes together inherit: fields, which
	// diamonds multiply when virtual inheritance is off, and the places in the
	// tables of their numbers.
	maxInherited = 1 << 21
	// maxValues bounds how many numbers and bytes the smallest value of one
	// type consists of ("blob32(4000000000)" asks for more), and how many
	// items all written values have after "v * n" is multiplied out.
	maxValues = 1 << 20
	// maxTotalValues bounds the sum of maxValues' counts over all fields and
	// all written values.
	maxTotalValues = 1 << 22
	// maxHashed bounds the numbers that go into the hash; structs in structs
	// multiply them.
	maxHashed = 1 << 24
)

// saturated is above every bound; sums and products of counts stop there. Twice
// as much still fits into an int of 32 bits.
const saturated = 1 << 29

func satAdd(a, b int) int { return min(a+b, saturated) }

func satMul(a, b int) int {
	if a != 0 && b > saturated/a {
		return saturated
	}
	return a * b
}
