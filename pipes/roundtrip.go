package pipes

import (
	"time"

	"github.com/culm-net/culm/netclock"
)

// roundTrips measures how long it takes to a client and back.
type roundTrips struct {
	// told is what the client says (CL_InformPing), measured what its
	// acknowledgements show.
	told, measured netclock.RTT

	// sent has when the last part of each of the latest snapshots was sent, by
	// the part's number: it is the one that an acknowledgement usually names.
	sent [32]struct {
		part uint32
		at   int64
	}
	newest uint32 // the highest number of a part that was sent; 0 for none
}

// inform takes what the client measured.
func (r *roundTrips) inform(rtt time.Duration) { r.told.Add(rtt) }

// sends notes that a snapshot was sent at a time on the server's clock.
func (r *roundTrips) sends(lastPart uint32, at int64) {
	s := &r.sent[r.next(lastPart)]
	s.part, s.at = lastPart, at
	r.newest = lastPart
}

// next is where a part is noted. Consecutive snapshots of several parts each
// shall not meet at the same place.
func (r *roundTrips) next(part uint32) uint32 {
	return part * 0x9e3779b1 >> 27
}

// acknowledged takes an acknowledgement that came at a time on the server's clock,
// and which the client held back for a while. Anybody may say anything there.
func (r *roundTrips) acknowledged(part uint32, at int64, delay time.Duration) {
	s := &r.sent[r.next(part)]
	if s.part != part || part == 0 {
		return
	}
	s.part = 0 // each counts once
	r.measured.Add(max(time.Duration(at-s.at)-delay, 0))
}

// best is what was measured, or else what the client says.
func (r *roundTrips) best() *netclock.RTT {
	if r.measured.Known() {
		return &r.measured
	}
	return &r.told
}
