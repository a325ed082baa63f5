package quic

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/culm-net/culm/transport"
)

// The stream of reliable messages is a row of records, each with a
// little-endian uint32 in front: a message's length, or one of these.
const (
	recordHeader = 4

	welcomeMark  = 0xffffffff
	farewellMark = 0xfffffffe
	farewellSize = recordHeader + 4 + 2 // without the reason
)

var welcome = binary.LittleEndian.AppendUint32(nil, welcomeMark)

// appendFarewell adds the record that says why its sender closes.
func appendFarewell(b []byte, code transport.Code, reason string) []byte {
	b = binary.LittleEndian.AppendUint32(b, farewellMark)
	b = binary.LittleEndian.AppendUint32(b, uint32(code))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(reason)))
	return append(b, reason...)
}

var errLongReason = fmt.Errorf("the peer gives a reason of more than %d bytes", transport.MaxReason)

// parseRecord reads the record at the beginning of b. size is its whole length
// as far as that can be told; the record is there if b has as many bytes. Then
// it is a message, which is a part of b, or a farewell.
func parseRecord(b []byte, limit int) (msg []byte, farewell *transport.CloseError, size int, err error) {
	if len(b) < recordHeader {
		return nil, nil, recordHeader, nil
	}
	n := binary.LittleEndian.Uint32(b)
	switch {
	case n == farewellMark:
		if len(b) < farewellSize {
			return nil, nil, farewellSize, nil
		}
		reason := int(binary.LittleEndian.Uint16(b[8:]))
		if reason > transport.MaxReason {
			return nil, nil, 0, errLongReason
		}
		size = farewellSize + reason
		if len(b) >= size {
			farewell = &transport.CloseError{
				Remote: true,
				Code:   transport.Code(binary.LittleEndian.Uint32(b[4:])),
				Reason: transport.CutReason(string(b[farewellSize:size])),
			}
		}
		return nil, farewell, size, nil
	case n == welcomeMark:
		return nil, nil, 0, errors.New("the peer says welcome in the middle")
	case int64(n) > int64(limit):
		return nil, nil, 0, fmt.Errorf("the peer announces a reliable message of %d bytes, the longest is %d", n, limit)
	}
	size = recordHeader + int(n)
	if len(b) >= size {
		msg = b[recordHeader:size:size]
	}
	return msg, nil, size, nil
}
