package datagram

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Reader takes fields off a byte slice. Make it with NewReader. It is a value:
// a copy of it reads on from the same place on its own. It is not safe for
// concurrent use.
//
// Reading past the end makes an error that stays: that read and all that
// follow return zero values, so that a whole message can be read before Err or
// Done is asked. A Reader never panics, and allocates only in String and for
// its first error.
type Reader struct {
	b   []byte
	off int
	err *ShortError
}

// NewReader returns a reader at the beginning of b. It keeps b; what Blob,
// Bytes and Rest return is a part of b.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Offset is how many bytes were read. After an error it is where the field
// begins that fell short.
func (r *Reader) Offset() int { return r.off }

// Remaining is how many bytes are left to read, 0 after an error.
func (r *Reader) Remaining() int {
	if r.err != nil {
		return 0
	}
	return len(r.b) - r.off
}

// Err returns a [*ShortError] for what fell short first, or nil.
func (r *Reader) Err() error {
	if r.err != nil {
		return r.err
	}
	return nil
}

// Done returns nil when everything was read and nothing fell short, and else
// a [*ShortError] or [*TrailingError].
func (r *Reader) Done() error {
	if r.err != nil {
		return r.err
	}
	if r.off < len(r.b) {
		return &TrailingError{Offset: r.off, Surplus: len(r.b) - r.off}
	}
	return nil
}

// take returns the next n bytes, or nil when there are not so many.
func (r *Reader) take(n int, what string) []byte {
	if r.err != nil || n > len(r.b)-r.off {
		r.short(r.off, n-(len(r.b)-r.off), what)
		return nil
	}
	b := r.b[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

// short is apart from take to keep that small enough for inlining.
func (r *Reader) short(off, missing int, what string) {
	if r.err == nil {
		r.err = &ShortError{What: what, Offset: off, Missing: missing}
		r.off = off
	}
}

// Uint8 reads one byte.
func (r *Reader) Uint8() uint8 {
	if b := r.take(1, "uint8"); b != nil {
		return b[0]
	}
	return 0
}

// Uint16 reads 2 bytes.
func (r *Reader) Uint16() uint16 {
	if b := r.take(2, "uint16"); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// Uint32 reads 4 bytes.
func (r *Reader) Uint32() uint32 {
	if b := r.take(4, "uint32"); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// Uint64 reads 8 bytes.
func (r *Reader) Uint64() uint64 {
	if b := r.take(8, "uint64"); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Int8 reads one byte.
func (r *Reader) Int8() int8 {
	if b := r.take(1, "int8"); b != nil {
		return int8(b[0])
	}
	return 0
}

// Int16 reads 2 bytes.
func (r *Reader) Int16() int16 {
	if b := r.take(2, "int16"); b != nil {
		return int16(binary.LittleEndian.Uint16(b))
	}
	return 0
}

// Int32 reads 4 bytes.
func (r *Reader) Int32() int32 {
	if b := r.take(4, "int32"); b != nil {
		return int32(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// Int64 reads 8 bytes.
func (r *Reader) Int64() int64 {
	if b := r.take(8, "int64"); b != nil {
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// Float32 reads the 4 bytes of an IEEE 754 number, whatever it is.
func (r *Reader) Float32() float32 {
	if b := r.take(4, "float32"); b != nil {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// Float64 reads the 8 bytes of an IEEE 754 number, whatever it is.
func (r *Reader) Float64() float64 {
	if b := r.take(8, "float64"); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// Bool reads one byte; every value but 0 is true.
func (r *Reader) Bool() bool {
	b := r.take(1, "bool")
	return b != nil && b[0] != 0
}

// Bytes reads n bytes without a length before them. It returns nil when there
// are fewer, or n is negative.
func (r *Reader) Bytes(n int) []byte {
	if n < 0 {
		r.short(r.off, 0, "length")
		return nil
	}
	return r.take(n, "bytes")
}

// Blob reads a uint16 length and as many bytes. It returns nil when there are
// fewer; a blob of no bytes is not nil.
func (r *Reader) Blob() []byte { return r.counted("blob") }

// String reads a uint16 length and as many bytes, which need not be UTF-8.
func (r *Reader) String() string { return string(r.counted("string")) }

func (r *Reader) counted(what string) []byte {
	start := r.off
	if b := r.take(2, what); b != nil {
		n := int(binary.LittleEndian.Uint16(b))
		if n <= len(r.b)-r.off {
			return r.take(n, what)
		}
		r.short(start, n-(len(r.b)-r.off), what)
	}
	return nil
}

// Skip passes over n bytes.
func (r *Reader) Skip(n int) { r.Bytes(n) }

// Rest reads everything that is left. It returns nil after an error.
func (r *Reader) Rest() []byte { return r.take(r.Remaining(), "rest") }

// ShortError says where a datagram ended too early.
type ShortError struct {
	What    string // what was being read, for example "uint32"
	Offset  int    // where that begins, in bytes
	Missing int    // how many bytes of it are beyond the end
}

// Error says what is missing where.
func (e *ShortError) Error() string {
	return fmt.Sprintf("datagram: %s at offset %d is cut short by %d bytes", e.What, e.Offset, e.Missing)
}

// TrailingError says that a datagram goes on after its last field.
type TrailingError struct {
	Offset  int // where the last field ends, in bytes
	Surplus int // how many bytes follow
}

// Error says how many bytes there are too many, and from where on.
func (e *TrailingError) Error() string {
	return fmt.Sprintf("datagram: %d surplus bytes from offset %d", e.Surplus, e.Offset)
}
