package wire

import (
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"math/bits"
	"time"

	"github.com/culm-net/culm/datagram"
)

// TickAck is CL_Tick: the client of the plain dialect acknowledges a snapshot.
type TickAck struct {
	Tick  int32   // as the client read it off SV_Tick; negative for none
	Frame float32 // the length of the client's last frame in seconds, from 0
}

// Append adds the message.
func (m TickAck) Append(b []byte) ([]byte, error) {
	if err := seconds(CLTick, "the frame time", m.Frame); err != nil {
		return b, err
	}
	w := datagram.Writer{Buf: CLTick.Append(b)}
	w.Int32(m.Tick)
	w.Float32(m.Frame)
	return w.Buf, nil
}

// DecodeTickAck reads the body of CL_Tick.
func DecodeTickAck(body []byte) (TickAck, error) {
	r := datagram.NewReader(body)
	m := TickAck{Tick: r.Int32(), Frame: r.Float32()}
	if err := r.Err(); err != nil {
		return TickAck{}, refuse(CLTick, err)
	}
	if err := seconds(CLTick, "the frame time", m.Frame); err != nil {
		return TickAck{}, err
	}
	return m, nil
}

// AckWindow is how many parts before the last one an [Ack] can tell of.
const AckWindow = 256

// AckDelayUnit is the unit of Ack.Delay on the wire.
const AckDelayUnit = 100 * time.Microsecond

var errNoPart = errors.New("nothing is acknowledged: parts are numbered from 1")

// Ack is Ext_Ack: which parts of snapshots the client has applied. It is sent
// unreliably and says again what the ones before it said, as far as the window
// reaches; what falls out of the window without having been named is lost. A
// client keeps one and adds to it; the zero value has no parts and cannot be
// sent.
type Ack struct {
	// Last is the newest applied part. Numbers begin with 1; there is no
	// part 0.
	Last uint32
	// Delay is how long the client has had Last, from 0 to 6.5535 s, in units
	// of AckDelayUnit. With it the server measures the round-trip time.
	Delay time.Duration
	// Mask has a bit for each of the parts before Last: bit i%64 of Mask[i/64]
	// stands for part Last-1-i.
	Mask [AckWindow / 64]uint64
}

// Add notes that a part was applied. It returns false when that is known
// already, when the part is too old for the window, and for part 0.
func (m *Ack) Add(part uint32) bool {
	switch {
	case part == 0 || part == m.Last:
		return false
	case m.Last == 0:
		m.Last, m.Mask = part, [len(m.Mask)]uint64{}
		return true
	case Newer(part, m.Last):
		by := part - m.Last
		m.shift(by)
		if by <= AckWindow {
			m.Mask[(by-1)/64] |= 1 << ((by - 1) % 64)
		}
		m.Last = part
		return true
	}
	i := m.Last - part - 1
	if i >= AckWindow || m.Mask[i/64]&(1<<(i%64)) != 0 {
		return false
	}
	m.Mask[i/64] |= 1 << (i % 64)
	return true
}

// shift makes room for the given number of newer parts.
func (m *Ack) shift(by uint32) {
	words, rest := by/64, by%64
	for i := len(m.Mask) - 1; i >= 0; i-- {
		var v uint64
		if j := i - int(words); j >= 0 {
			v = m.Mask[j] << rest
			if j > 0 && rest > 0 {
				v |= m.Mask[j-1] >> (64 - rest)
			}
		}
		m.Mask[i] = v
	}
}

// Parts yields the acknowledged parts, the newest first. There are at most
// AckWindow+1; a peer can name parts that were never sent.
func (m *Ack) Parts() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if m.Last == 0 || !yield(m.Last) {
			return
		}
		for i, word := range m.Mask {
			for ; word != 0; word &= word - 1 {
				if !yield(m.Last - 1 - uint32(64*i+bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// Runs yields the same as runs of parts whose numbers follow each other, the
// newest run first: the number of its first part, and how many they are.
func (m *Ack) Runs() iter.Seq2[uint32, int] {
	return func(yield func(uint32, int) bool) {
		first, n := uint32(0), 0
		for part := range m.Parts() {
			if n > 0 && part != first-1 {
				if !yield(first, n) {
					return
				}
				n = 0
			}
			first = part
			n++
		}
		if n > 0 {
			yield(first, n)
		}
	}
}

// Append adds the message. It tells of as many parts before Last as back says,
// at most AckWindow: enough of them that a part is named again when some
// acknowledgements are lost, and not more, for 8 parts cost a byte. The delay is
// cut to its range. An Ack without parts is an error.
func (m *Ack) Append(b []byte, back int) ([]byte, error) {
	if m.Last == 0 {
		return b, refuse(ExtAck, errNoPart)
	}
	w := datagram.Writer{Buf: ExtAck.Append(b)}
	w.Uint32(m.Last)
	w.Uint16(uint16(min(max(m.Delay/AckDelayUnit, 0), math.MaxUint16)))
	var mask [AckWindow / 8]byte
	size := 0
	for i, word := range m.Mask {
		if left := back - 64*i; left < 64 {
			word &= 1<<max(left, 0) - 1
		}
		binary.LittleEndian.PutUint64(mask[8*i:], word)
		if word != 0 {
			size = 8*i + (bits.Len64(word)+7)/8
		}
	}
	w.Uint8(uint8(size))
	w.Bytes(mask[:size])
	return w.Buf, nil
}

// DecodeAck reads the body of Ext_Ack.
func DecodeAck(body []byte) (Ack, error) {
	r := datagram.NewReader(body)
	m := Ack{Last: r.Uint32(), Delay: time.Duration(r.Uint16()) * AckDelayUnit}
	mask := r.Bytes(int(r.Uint8()))
	if err := r.Done(); err != nil {
		return Ack{}, refuse(ExtAck, err)
	}
	if m.Last == 0 {
		return Ack{}, refuse(ExtAck, errNoPart)
	}
	if len(mask) > AckWindow/8 {
		return Ack{}, refusef(ExtAck, "a mask of %d bytes; the longest has %d", len(mask), AckWindow/8)
	}
	if len(mask) > 0 && mask[len(mask)-1] == 0 {
		return Ack{}, refusef(ExtAck, "the mask ends with a byte of 0, which is left out")
	}
	for i, b := range mask {
		m.Mask[i/8] |= uint64(b) << (i % 8 * 8)
	}
	return m, nil
}
