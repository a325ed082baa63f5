package lan

import "fmt"

// Type is the message type that every datagram starts with, as a uint16
// (Panda3D's direct.distributed.MsgTypesCMU).
type Type uint16

// The message types, named as Panda3D names them. The comment says who sends
// one and what follows the type.
const (
	// ClientObjectUpdateField, client: uint32 doId, uint16 field, value.
	ClientObjectUpdateField Type = 120
	// SetDoIDRange, server: uint32 doIdBase, uint32 doIdRange.
	SetDoIDRange Type = 9001
	// ClientObjectGenerate, client: uint32 zone, uint16 class, uint32 doId,
	// the values of all required fields, uint16 n, n × (uint16 field, value).
	ClientObjectGenerate Type = 9002
	// ObjectGenerate, server: uint32 doIdBase of the owner, then like
	// ClientObjectGenerate but only the required fields that are broadcast.
	ObjectGenerate Type = 9003
	// ObjectUpdateField, server: uint32 doIdBase of the sender, uint32 doId,
	// uint16 field, value.
	ObjectUpdateField Type = 9004
	// ObjectDisable, server: any number of uint32 doId.
	ObjectDisable Type = 9005
	// ObjectDelete, both: uint32 doId.
	ObjectDelete Type = 9006
	// RequestGenerates, server: uint32 zone.
	RequestGenerates Type = 9007
	// ClientDisconnect, client: nothing.
	ClientDisconnect Type = 9008
	// ClientSetInterest, client: any number of uint32 zone.
	ClientSetInterest Type = 9009
	// ObjectSetZone, client: uint32 doId, uint32 zone.
	ObjectSetZone Type = 9010
	// ClientObjectUpdateFieldTargeted, client: uint32 doIdBase of the
	// target, uint32 doId, uint16 field, value. With nothing behind the type
	// it is a heartbeat, which shares the number.
	ClientObjectUpdateFieldTargeted Type = 9011
)

// String returns the name of t, or its number when it is none of the
// protocol's.
func (t Type) String() string {
	switch t {
	case ClientObjectUpdateField:
		return "CLIENT_OBJECT_UPDATE_FIELD"
	case SetDoIDRange:
		return "SET_DOID_RANGE_CMU"
	case ClientObjectGenerate:
		return "CLIENT_OBJECT_GENERATE_CMU"
	case ObjectGenerate:
		return "OBJECT_GENERATE_CMU"
	case ObjectUpdateField:
		return "OBJECT_UPDATE_FIELD_CMU"
	case ObjectDisable:
		return "OBJECT_DISABLE_CMU"
	case ObjectDelete:
		return "OBJECT_DELETE_CMU"
	case RequestGenerates:
		return "REQUEST_GENERATES_CMU"
	case ClientDisconnect:
		return "CLIENT_DISCONNECT_CMU"
	case ClientSetInterest:
		return "CLIENT_SET_INTEREST_CMU"
	case ObjectSetZone:
		return "OBJECT_SET_ZONE_CMU"
	case ClientObjectUpdateFieldTargeted:
		return "CLIENT_OBJECT_UPDATE_FIELD_TARGETED_CMU"
	}
	return fmt.Sprintf("message type %d", uint16(t))
}
