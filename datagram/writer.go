// Package datagram writes and reads the fields of Panda3D's datagrams: numbers
// little-endian and without padding, strings and blobs behind a uint16 length.
// Its encoding is that of Panda3D's Datagram and DatagramIterator.
package datagram

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Writer appends fields to a byte slice. The zero value is an empty datagram;
// Writer{Buf: b} goes on after b. It is not safe for concurrent use.
//
// A field that cannot be encoded makes an error that stays: it and all that
// follow are not written. Check Err before the bytes are used.
type Writer struct {
	// Buf holds what was written. It belongs to whoever made the Writer and
	// may be cut, appended to and exchanged between calls.
	Buf []byte

	err error
}

// Err returns what could not be written first, or nil.
func (w *Writer) Err() error { return w.err }

// Len is how many bytes Buf has.
func (w *Writer) Len() int { return len(w.Buf) }

// Reset empties the datagram, keeps its memory, and forgets the error.
func (w *Writer) Reset() { w.Buf, w.err = w.Buf[:0], nil }

// Uint8 appends one byte.
func (w *Writer) Uint8(v uint8) {
	if w.err == nil {
		w.Buf = append(w.Buf, v)
	}
}

// Uint16 appends 2 bytes.
func (w *Writer) Uint16(v uint16) {
	if w.err == nil {
		w.Buf = binary.LittleEndian.AppendUint16(w.Buf, v)
	}
}

// Uint32 appends 4 bytes.
func (w *Writer) Uint32(v uint32) {
	if w.err == nil {
		w.Buf = binary.LittleEndian.AppendUint32(w.Buf, v)
	}
}

// Uint64 appends 8 bytes.
func (w *Writer) Uint64(v uint64) {
	if w.err == nil {
		w.Buf = binary.LittleEndian.AppendUint64(w.Buf, v)
	}
}

// Int8 appends one byte.
func (w *Writer) Int8(v int8) { w.Uint8(uint8(v)) }

// Int16 appends 2 bytes.
func (w *Writer) Int16(v int16) { w.Uint16(uint16(v)) }

// Int32 appends 4 bytes.
func (w *Writer) Int32(v int32) { w.Uint32(uint32(v)) }

// Int64 appends 8 bytes.
func (w *Writer) Int64(v int64) { w.Uint64(uint64(v)) }

// Float32 appends the 4 bytes of an IEEE 754 number.
func (w *Writer) Float32(v float32) { w.Uint32(math.Float32bits(v)) }

// Float64 appends the 8 bytes of an IEEE 754 number.
func (w *Writer) Float64(v float64) { w.Uint64(math.Float64bits(v)) }

// Bool appends one byte, 1 for true and 0 for false.
func (w *Writer) Bool(v bool) {
	if v {
		w.Uint8(1)
	} else {
		w.Uint8(0)
	}
}

// Bytes appends v as it is, without a length.
func (w *Writer) Bytes(v []byte) {
	if w.err == nil {
		w.Buf = append(w.Buf, v...)
	}
}

// String appends a uint16 length and v, which may be any bytes and at most
// 65,535 of them.
func (w *Writer) String(v string) {
	if w.length16(len(v), "string") {
		w.Buf = append(w.Buf, v...)
	}
}

// Blob appends a uint16 length and v, which has at most 65,535 bytes.
func (w *Writer) Blob(v []byte) {
	if w.length16(len(v), "blob") {
		w.Buf = append(w.Buf, v...)
	}
}

func (w *Writer) length16(n int, what string) bool {
	if n > math.MaxUint16 && w.err == nil {
		w.err = &LengthError{What: what, Length: n, Max: math.MaxUint16}
	}
	w.Uint16(uint16(n))
	return w.err == nil
}

// LengthError says that a value is longer than its length field can tell.
type LengthError struct {
	What        string // "string" or "blob"
	Length, Max int    // in bytes
}

// Error says what was too long for what.
func (e *LengthError) Error() string {
	return fmt.Sprintf("datagram: a %s of %d bytes cannot be written, the longest has %d", e.What, e.Length, e.Max)
}
