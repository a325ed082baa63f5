package lan

// refusal is why a well-formed message has no effect. Stock clients cause
// most of these honestly, when their messages cross others on the way.
type refusal uint8

const (
	refusedUnknownObject refusal = iota // there is no such object, or it is not the sender's to move or delete
	refusedOtherClass                   // the field or the generate is of another class than the object
	refusedNotOwner                     // the sender is not the owner, and the field neither clsend nor p2p
	refusedNotRouted                    // the field is neither p2p nor broadcast nor reflect
	refusedNoTarget                     // the targeted client is gone
	refusedForeignDoID                  // the doId is outside the sender's range
	refusedUntrusted                    // only trusted clients may create objects of the class
	refusedTooLong                      // with the sender's id in front it is longer than a message may be
	refusals
)

// refusalNames are the reasons' names in metrics and logs.
var refusalNames = [refusals]string{
	refusedUnknownObject: "unknown_object",
	refusedOtherClass:    "other_class",
	refusedNotOwner:      "not_owner",
	refusedNotRouted:     "not_routed",
	refusedNoTarget:      "target_gone",
	refusedForeignDoID:   "foreign_doid",
	refusedUntrusted:     "untrusted_class",
	refusedTooLong:       "too_long",
}

func (r refusal) String() string { return refusalNames[r] }

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
