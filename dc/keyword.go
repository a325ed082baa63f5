package dc

import (
	"slices"
	"strings"
)

// Keyword is a set of well-known keywords, one bit each.
type Keyword uint32

// The keywords that need no declaration, with Panda3D's own bits, and some that
// games declare and servers look at.
const (
	Required Keyword = 1 << iota
	Broadcast
	OwnRecv
	RAM
	DB
	ClSend
	ClRecv
	OwnSend
	AIRecv
	P2P
	Reflect
	Unreliable
)

// historical is the bits that go into the hash.
const historical = Required | Broadcast | OwnRecv | RAM | DB | ClSend | ClRecv | OwnSend | AIRecv

// keywordNames is by bit.
var keywordNames = []string{
	"required", "broadcast", "ownrecv", "ram", "db", "clsend", "clrecv", "ownsend", "airecv",
	"p2p", "reflect", "unreliable",
}

// keywordBit returns the bit of a well-known keyword, 0 for others.
func keywordBit(name string) Keyword {
	if i := slices.Index(keywordNames, name); i >= 0 {
		return 1 << i
	}
	return 0
}

// keywordSet is the keywords of a field.
type keywordSet struct {
	bits  Keyword
	names []string // first those that need no declaration, in the order of keywordNames, then the others as they are declared

	// hashNames says that a keyword was declared by a keyword statement
	// before its use here; the names go into the hash then, else the bits.
	hashNames bool
}

func (k *keywordSet) has(name string) bool { return slices.Contains(k.names, name) }

func (k *keywordSet) equal(o *keywordSet) bool { return slices.Equal(k.names, o.names) }

// String returns the names with blanks between them, as in a file.
func (k *keywordSet) String() string { return strings.Join(k.names, " ") }
