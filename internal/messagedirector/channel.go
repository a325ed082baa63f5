package messagedirector

// Channels with a meaning of their own (astron.md section 2).
const (
	// ControlChannel as the only recipient makes a message one for the
	// director on the other end of a link.
	ControlChannel uint64 = 1
	// AllClients reaches every client session.
	AllClients uint64 = 10
	// AllStateServers reaches every state server, but no database state server.
	AllStateServers uint64 = 12
	// AllDatabases reaches every database server.
	AllDatabases uint64 = 13
)

// LocationChannel is where objects in a zone of a parent are talked about.
func LocationChannel(parent, zone uint32) uint64 { return uint64(parent)<<32 | uint64(zone) }

// ParentChannel is what everything that has doID as its parent subscribes. It
// coincides with a location channel of doId 1.
func ParentChannel(doID uint32) uint64 { return 1<<32 | uint64(doID) }

// DatabaseChannel is where databases tell what changed in doID. It coincides
// with a location channel of doId 2.
func DatabaseChannel(doID uint32) uint64 { return 2<<32 | uint64(doID) }

// ReservedChannel reports whether ch may not be configured for a role: 0 is no
// channel, 1 to 999 and 1<<32 to 999<<32 belong to the protocol.
func ReservedChannel(ch uint64) bool { return ch <= 999 || ch >= 1<<32 && ch <= 999<<32 }

// ReservedDoID reports whether id may not be given to an object: 0 is none,
// and 1 to 999 are channels of the protocol.
func ReservedDoID(id uint32) bool { return id <= 999 }
