package clientsession

import (
	"errors"
	"math"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// maxInterests is how many changes of interest may wait for the server's answer:
// as many as the plain dialect has handles. Culm's servers disconnect clients of
// which more than 256 wait.
const maxInterests = math.MaxUint8

// ErrInterestBusy says that too many changes of interest wait for the server's
// answer: 255, and each long list counts for several.
var ErrInterestBusy = errors.New("clientsession: too many changes of interest are not complete; wait for InterestComplete")

// interests are the changes of interest that the server has not completed.
type interests struct {
	last uint32 // the id given last
	next uint16 // the handle to try next, from 1
	// byHandle has the id of the change that a handle is used for, 0 when the
	// change could not be sent whole; left has how many handles a change still
	// waits for.
	byHandle map[uint16]uint32
	left     map[uint32]int
}

// SetZones asks for the objects of these zones and no others, AddZones for those
// of further ones, RemoveZones for those of these no longer; zones of own
// objects count besides. The id that they return comes back in InterestComplete.
// A server may refuse zones; panda3d-pipes' closes the connection at that if
// they were added, not if they were set.
//
// Long lists go in several messages, and are complete when all are. The errors
// are [ErrNotWelcomed], [ErrInterestBusy] and the transport's; after
// [transport.ErrFull] only a part may be on its way, and the same call may be
// tried again.
func (s *Session) SetZones(zones ...uint32) (id uint32, err error) {
	return s.setInterest(wire.CLSetInterest, wire.ExtSetInterest, zones)
}

// AddZones adds zones; see SetZones.
func (s *Session) AddZones(zones ...uint32) (id uint32, err error) {
	return s.setInterest(wire.CLAddInterest, wire.ExtAddInterest, zones)
}

// RemoveZones removes zones; see SetZones.
func (s *Session) RemoveZones(zones ...uint32) (id uint32, err error) {
	return s.setInterest(wire.CLRemoveInterest, wire.ExtRemoveInterest, zones)
}

// extZones is how many zones go in one message of the extension, so that it is
// not too long for any transport.
const extZones = 8192

func (s *Session) setInterest(plain, extended wire.Type, zones []uint32) (uint32, error) {
	if s.phase != welcomed {
		return 0, ErrNotWelcomed
	}
	t, most, handles := plain, math.MaxUint8, math.MaxUint8
	if s.extended {
		t, most, handles = extended, extZones, math.MaxUint16
	}
	k := &s.interests
	messages := max(1, (len(zones)+most-1)/most)
	if len(k.byHandle)+messages > maxInterests {
		return 0, ErrInterestBusy
	}
	if k.byHandle == nil {
		k.byHandle, k.left = make(map[uint16]uint32), make(map[uint32]int)
	}
	k.last++
	for range messages {
		n := min(len(zones), most)
		handle := k.free(uint16(handles))
		// Handle and zones are within what the dialect can tell.
		s.buf, _ = wire.Interest{Type: t, Handle: handle, Zones: zones[:n]}.Append(s.buf[:0])
		if err := s.send(transport.Message{Data: s.buf}); err != nil {
			k.abandon(k.last)
			return 0, err
		}
		k.byHandle[handle] = k.last
		k.left[k.last]++
		zones = zones[n:]
		// What the first message replaced, the others add to.
		switch t {
		case wire.CLSetInterest:
			t = wire.CLAddInterest
		case wire.ExtSetInterest:
			t = wire.ExtAddInterest
		}
	}
	return k.last, nil
}

// abandon forgets a change of which only a part was sent. Its handles are free
// when they are answered.
func (k *interests) abandon(id uint32) {
	delete(k.left, id)
	for h, of := range k.byHandle {
		if of == id {
			k.byHandle[h] = 0
		}
	}
}

// free returns the next handle that no change uses; there is one. Handles
// advance, so that a late answer is not taken for that of a newer change, and go
// from 1 to the highest.
func (k *interests) free(highest uint16) uint16 {
	for {
		h := k.next
		if k.next++; k.next > highest || k.next == 0 {
			k.next = 1
		}
		if _, used := k.byHandle[h]; !used {
			return h
		}
	}
}

// interestComplete takes SV_InterestComplete and Ext_InterestComplete.
func (s *Session) interestComplete(t wire.Type, body []byte) error {
	m, err := wire.DecodeInterestComplete(t, body)
	if err != nil {
		return err
	}
	k := &s.interests
	id, used := k.byHandle[m.Handle]
	if !used {
		s.stats.Ignored++
		return nil
	}
	delete(k.byHandle, m.Handle)
	if id == 0 {
		return nil
	}
	if k.left[id]--; k.left[id] > 0 {
		return nil
	}
	delete(k.left, id)
	s.events.InterestComplete(id)
	return nil
}
