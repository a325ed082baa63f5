package eventlogger

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Limits of a packet.
const (
	// MaxPacket is how many bytes a packet can have: what fits into UDP over
	// IPv4.
	MaxPacket = 65507
	// MaxDepth is how deep maps and arrays may be nested, the event's own map
	// included.
	MaxDepth = 16
	// MaxLine is how many bytes a line may have. Only maps and arrays that are
	// keys of maps can make a line so much longer than its packet.
	MaxLine = 1 << 20
)

// Why a packet is no event.
var (
	ErrNotMap    = errors.New("an event is a MessagePack map, and this packet is something else")
	ErrTruncated = errors.New("the packet ends within a value")
	ErrSurplus   = errors.New("bytes follow the map")
	ErrInvalid   = errors.New("a byte is no MessagePack type")
	ErrTooDeep   = errors.New("maps and arrays are nested too deep")
	ErrTooLong   = errors.New("the event is too long for a line")
)

// timeLayout is the "%Y-%m-%d %H:%M:%S%z" of Astron's lines.
const timeLayout = "2006-01-02 15:04:05-0700"

// AppendLine appends the line of an event that was received at a time, with
// the line break, to dst. The line is one JSON object: first "_time" in now's
// location, then what the packet holds, in its order. When it fails it
// returns dst as it was and one of the errors above.
//
// Every MessagePack type has a form in JSON. Text that is not UTF-8 has U+FFFD
// in place of what is not. Binary data is text if it is UTF-8, and else
// "base64:" and its bytes. A float that is not finite is the text NaN,
// Infinity or -Infinity. A timestamp is RFC 3339 text in UTC. Another
// extension is {"ext": its type, "data": its binary data}. A key that is not
// text is the JSON of its value, as text. Of equal keys in a map the first one
// counts, so that no sender can replace "_time".
func AppendLine(dst, packet []byte, now time.Time) ([]byte, error) {
	start := len(dst)
	if len(packet) == 0 {
		return dst, ErrTruncated
	}
	if !isMap(packet[0]) {
		return dst, ErrNotMap
	}
	r := bytes.NewReader(packet)
	l := line{packet: packet, r: r, dec: msgpack.NewDecoder(r), start: start}
	l.out = append(dst, `{"_time":"`...)
	l.out = now.AppendFormat(l.out, timeLayout)
	l.out = append(l.out, '"')
	err := l.pairs(1, `"_time"`)
	if err == nil && r.Len() > 0 {
		err = ErrSurplus
	}
	if err != nil {
		return l.out[:start], err
	}
	return append(l.out, '}', '\n'), nil
}

func isMap(code byte) bool {
	return msgpcode.IsFixedMap(code) || code == msgpcode.Map16 || code == msgpcode.Map32
}

func isArray(code byte) bool {
	return msgpcode.IsFixedArray(code) || code == msgpcode.Array16 || code == msgpcode.Array32
}

// line is a line that is being made.
type line struct {
	packet []byte
	r      *bytes.Reader // of packet
	dec    *msgpack.Decoder
	out    []byte
	start  int // of the line in out
}

// value appends the next value of the packet.
func (l *line) value(depth int) error {
	code, err := l.dec.PeekCode()
	if err != nil {
		return ErrTruncated
	}
	switch {
	case isMap(code):
		l.out = append(l.out, '{')
		err = l.pairs(depth+1, "")
		l.out = append(l.out, '}')
	case isArray(code):
		l.out = append(l.out, '[')
		err = l.elements(depth + 1)
		l.out = append(l.out, ']')
	case msgpcode.IsString(code):
		var b []byte
		if b, err = l.bytes(); err == nil {
			l.out = appendText(l.out, b)
		}
	case msgpcode.IsBin(code):
		var b []byte
		if b, err = l.bytes(); err == nil {
			l.binary(b)
		}
	case msgpcode.IsExt(code):
		err = l.extension()
	default:
		err = l.scalar(code)
	}
	if err == nil && len(l.out)-l.start > MaxLine {
		return ErrTooLong
	}
	return err
}

// pairs appends the pairs of a map at a depth. Those of the event's own map
// follow a pair whose key is already there.
func (l *line) pairs(depth int, there string) error {
	n, err := l.dec.DecodeMapLen()
	if err = l.count(n, 2, depth, err); err != nil {
		return err
	}
	seen := make(map[string]bool)
	if there != "" {
		seen[there] = true
	}
	for range n {
		before := len(l.out)
		if len(seen) > 0 {
			l.out = append(l.out, ',')
		}
		key := len(l.out)
		if err := l.value(depth); err != nil {
			return err
		}
		if l.out[key] != '"' {
			// Cloned, because it is quoted into its own place.
			l.out = appendText(l.out[:key], bytes.Clone(l.out[key:]))
			if len(l.out)-l.start > MaxLine {
				return ErrTooLong
			}
		}
		again := seen[string(l.out[key:])]
		if !again {
			seen[string(l.out[key:])] = true
		}
		l.out = append(l.out, ':')
		if err := l.value(depth); err != nil {
			return err
		}
		if again {
			l.out = l.out[:before]
		}
	}
	return nil
}

// elements appends the elements of an array at a depth.
func (l *line) elements(depth int) error {
	n, err := l.dec.DecodeArrayLen()
	if err = l.count(n, 1, depth, err); err != nil {
		return err
	}
	for i := range n {
		if i > 0 {
			l.out = append(l.out, ',')
		}
		if err := l.value(depth); err != nil {
			return err
		}
	}
	return nil
}

// count checks that n entries of at least so many bytes can follow.
func (l *line) count(n, bytesEach, depth int, err error) error {
	switch {
	case err != nil, n < 0, n > l.r.Len()/bytesEach: // negative: too large for an int
		return ErrTruncated
	case depth > MaxDepth:
		return ErrTooDeep
	}
	return nil
}

// bytes returns the packet's bytes of a string or of binary data.
func (l *line) bytes() ([]byte, error) {
	n, err := l.dec.DecodeBytesLen()
	return l.take(n, err)
}

// take returns the next n bytes of the packet.
func (l *line) take(n int, err error) ([]byte, error) {
	if err != nil || n < 0 || n > l.r.Len() {
		return nil, ErrTruncated
	}
	at := len(l.packet) - l.r.Len()
	l.r.Reset(l.packet[at+n:])
	b := l.packet[at : at+n]
	return b, nil
}

func (l *line) binary(b []byte) {
	if utf8.Valid(b) {
		l.out = appendText(l.out, b)
		return
	}
	l.out = append(l.out, `"base64:`...)
	l.out = base64.StdEncoding.AppendEncode(l.out, b)
	l.out = append(l.out, '"')
}

// timestampType is MessagePack's predefined extension: seconds since 1970 in
// 32 bits; nanoseconds in 30 and seconds in 34; or nanoseconds in 32 and
// seconds in 64.
const timestampType = -1

func (l *line) extension() error {
	kind, n, err := l.dec.DecodeExtHeader()
	b, err := l.take(n, err)
	if err != nil {
		return err
	}
	if kind == timestampType {
		if t, ok := timestamp(b); ok {
			l.out = append(l.out, '"')
			l.out = t.AppendFormat(l.out, time.RFC3339Nano)
			l.out = append(l.out, '"')
			return nil
		}
	}
	l.out = append(l.out, `{"ext":`...)
	l.out = strconv.AppendInt(l.out, int64(kind), 10)
	l.out = append(l.out, `,"data":`...)
	l.binary(b)
	l.out = append(l.out, '}')
	return nil
}

// timestamp reads the predefined extension. It is not ok when the length is
// none of the three, or when the year is not one of RFC 3339.
func timestamp(b []byte) (t time.Time, ok bool) {
	var seconds, nanoseconds uint64
	switch len(b) {
	case 4:
		seconds = uint64(binary.BigEndian.Uint32(b))
	case 8:
		both := binary.BigEndian.Uint64(b)
		seconds, nanoseconds = both&(1<<34-1), both>>34
	case 12:
		nanoseconds, seconds = uint64(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint64(b[4:])
	default:
		return time.Time{}, false
	}
	const year0, year10000 = -62167219200, 253402300800
	if s := int64(seconds); s < year0 || s >= year10000 || nanoseconds >= 1e9 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), int64(nanoseconds)).UTC(), true
}

// scalar appends a value that has no length.
func (l *line) scalar(code byte) error {
	var err error
	switch code {
	case msgpcode.Nil:
		err = l.dec.DecodeNil()
		l.out = append(l.out, "null"...)
	case msgpcode.False, msgpcode.True:
		var v bool
		v, err = l.dec.DecodeBool()
		l.out = strconv.AppendBool(l.out, v)
	case msgpcode.Float:
		var v float32
		v, err = l.dec.DecodeFloat32()
		l.out = appendFloat(l.out, float64(v), 32)
	case msgpcode.Double:
		var v float64
		v, err = l.dec.DecodeFloat64()
		l.out = appendFloat(l.out, v, 64)
	case msgpcode.Uint8, msgpcode.Uint16, msgpcode.Uint32, msgpcode.Uint64:
		var v uint64
		v, err = l.dec.DecodeUint64()
		l.out = strconv.AppendUint(l.out, v, 10)
	default:
		switch code {
		case msgpcode.Int8, msgpcode.Int16, msgpcode.Int32, msgpcode.Int64:
		default:
			if !msgpcode.IsFixedNum(code) {
				return ErrInvalid
			}
		}
		var v int64
		v, err = l.dec.DecodeInt64()
		l.out = strconv.AppendInt(l.out, v, 10)
	}
	if err != nil {
		return ErrTruncated
	}
	return nil
}

func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}

// appendText appends a JSON string.
func appendText(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r) // U+FFFD if it is none
		}
		text = text[size:]
	}
	return append(dst, '"')
}
