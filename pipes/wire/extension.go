package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/culm-net/culm/datagram"
)

// Features is what the two sides of a connection agree to do beyond the plain
// dialect, one bit each. A client offers, the server answers with those of the
// offered ones that hold from then on. Bits without a name here are for later
// versions: offered ones are not granted, and a client that is granted what it
// did not offer has met a broken server.
type Features uint32

// FeatureSnapshots is the extension as docs/pipes.md describes it.
const FeatureSnapshots Features = 1 << 0

// Has says whether all of the given features are in f.
func (f Features) Has(all Features) bool { return f&all == all }

// Extension is what stands behind the plain body of CL_Hello, SV_Hello_Resp and
// SV_AuthenticateResponse when the sender knows the extension. panda3d-pipes
// does not look there. A later version may put more into it, which is ignored.
//
// The zero value is a peer that knows nothing of it.
type Extension struct {
	// Present says that there was one, or is to be one. Without it Features is 0.
	Present  bool
	Features Features
}

// In the bytes an extension is the mark, a uint16 for how many bytes follow,
// and these.
const extensionMark = "CULM"

var (
	errExtension = errors.New("the extension's block is cut short")
	errTickRate  = errors.New("a tick rate of 0 per second")
)

// appendTo writes the block with the features and what the message adds.
func (e Extension) appendTo(w *datagram.Writer, more ...uint16) {
	w.Bytes([]byte(extensionMark))
	w.Uint16(uint16(4 + 2*len(more)))
	w.Uint32(uint32(e.Features))
	for _, v := range more {
		w.Uint16(v)
	}
}

// extension reads the block that may follow and returns what stands in it
// behind the features. Bytes that do not begin with the whole mark are
// somebody else's and no block.
func extension(r *datagram.Reader) (e Extension, more datagram.Reader, err error) {
	rest := *r
	if string(rest.Bytes(len(extensionMark))) != extensionMark {
		return Extension{}, more, nil
	}
	*r = rest
	block := r.Blob()
	if err := r.Err(); err != nil {
		return Extension{}, more, err
	}
	if len(block) < 4 {
		return Extension{}, more, errExtension
	}
	e = Extension{Present: true, Features: Features(binary.LittleEndian.Uint32(block))}
	return e, datagram.NewReader(block[4:]), nil
}

// Welcome is what a client learns when it is let in, in SV_Hello_Resp or, after
// authentication, in SV_AuthenticateResponse.
type Welcome struct {
	ClientID uint32 // at most 65,535 in the plain dialect; 0 is a valid id
	TickRate uint16 // ticks per second, from 1; at most 255 in the plain dialect
	Tick     uint32 // the server's present tick
	// UpdateRate and CommandRate are what the server grants, per second, in
	// the extension; 0 without.
	UpdateRate, CommandRate uint16
}

// appendTo writes the plain form and behind it the extension, whose numbers
// count where there is one.
func (m Welcome) appendTo(w *datagram.Writer, e Extension) error {
	if m.TickRate == 0 {
		return errTickRate
	}
	if !e.Present && (m.ClientID > 0xffff || m.TickRate > 0xff) {
		return fmt.Errorf("client id %d or tick rate %d is too large for the plain dialect", m.ClientID, m.TickRate)
	}
	w.Uint16(uint16(min(m.ClientID, 0xffff)))
	w.Uint8(uint8(min(m.TickRate, 0xff)))
	w.Uint32(m.Tick)
	if e.Present {
		e.appendTo(w, uint16(m.ClientID), uint16(m.ClientID>>16), m.TickRate, m.UpdateRate, m.CommandRate)
	}
	return nil
}

func welcome(r *datagram.Reader) (m Welcome, e Extension, err error) {
	m = Welcome{ClientID: uint32(r.Uint16()), TickRate: uint16(r.Uint8()), Tick: r.Uint32()}
	if err := r.Err(); err != nil {
		return Welcome{}, Extension{}, err
	}
	e, more, err := extension(r)
	if e.Present {
		m.ClientID, m.TickRate = more.Uint32(), more.Uint16()
		m.UpdateRate, m.CommandRate = more.Uint16(), more.Uint16()
		if more.Err() != nil {
			err = errExtension
		}
	}
	if err != nil {
		return Welcome{}, Extension{}, err
	}
	if m.TickRate == 0 {
		return Welcome{}, Extension{}, errTickRate
	}
	return m, e, nil
}
