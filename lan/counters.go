package lan

// refusal is why a well-formed message has no effect. Stock clients cause
// most of these honestly, when their messages cross others on the way.
type refusal uint8

const (
	refusedUnknownObject refusal = iota
	refusedOtherClass
	refusedNotOwner
	refusedNotRouted
	refusedNoTarget
	refusedForeignDoID
	refusedUntrusted
	refusedTooLong
	refusals
)

var refusalNames = [refusals]string{
	refusedUnknownObject: "unknown object",
	refusedOtherClass:    "field or generate of another class than the object's",
	refusedNotOwner:      "not the owner, and the field is neither clsend nor p2p",
	refusedNotRouted:     "the field is neither p2p nor broadcast nor reflect",
	refusedNoTarget:      "the target is gone",
	refusedForeignDoID:   "doId outside the client's range",
	refusedUntrusted:     "class that only trusted clients may create",
	refusedTooLong:       "too long to pass on with the sender's id in front",
}

// counters are the core's; whoever may be in the core may read them.
type counters struct {
	updates, generates, deletes, zoneChanges, interests, heartbeats, disconnects uint64 // received
	sent, sentBytes                                                              uint64
	refused                                                                      [refusals]uint64
}

func (n *counters) received(t Type) {
	switch t {
	case ClientObjectUpdateField, ClientObjectUpdateFieldTargeted:
		n.updates++
	case ClientObjectGenerate:
		n.generates++
	case ObjectDelete:
		n.deletes++
	case ObjectSetZone:
		n.zoneChanges++
	case ClientSetInterest:
		n.interests++
	case heartbeat:
		n.heartbeats++
	case ClientDisconnect:
		n.disconnects++
	}
}
