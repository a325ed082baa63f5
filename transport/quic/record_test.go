package quic

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/culm-net/culm/transport"
)

func appendMessage(b []byte, m string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m)))
	return append(b, m...)
}

func TestRecords(t *testing.T) {
	const limit = 10
	long := string(make([]byte, transport.MaxReason+1))
	tests := map[string]struct {
		in       []byte
		msg      string
		size     int // 0: an error is expected
		complete bool
	}{
		"nothing":           {nil, "", 4, false},
		"half a length":     {[]byte{1, 0}, "", 4, false},
		"a length":          {[]byte{3, 0, 0, 0}, "", 7, false},
		"half a message":    {[]byte{3, 0, 0, 0, 'a'}, "", 7, false},
		"a message":         {appendMessage(nil, "abc"), "abc", 7, true},
		"more behind it":    {appendMessage(appendMessage(nil, "abc"), "de"), "abc", 7, true},
		"an empty message":  {appendMessage(nil, ""), "", 4, true},
		"the longest":       {appendMessage(nil, strings.Repeat("x", limit)), strings.Repeat("x", limit), 4 + limit, true},
		"too long":          {[]byte{limit + 1, 0, 0, 0}, "", 0, false},
		"much too long":     {[]byte{0xff, 0xff, 0xff, 0x7f}, "", 0, false},
		"welcome":           {welcome, "", 0, false},
		"half a farewell":   {[]byte{0xfe, 0xff, 0xff, 0xff, 1, 0}, "", farewellSize, false},
		"farewell's length": {appendFarewell(nil, 1, "bye")[:farewellSize], "", farewellSize + 3, false},
		"a long reason":     {appendFarewell(nil, 1, long), "", 0, false},
	}
	for name, tt := range tests {
		msg, farewell, size, err := parseRecord(tt.in, limit)
		if (err != nil) != (tt.size == 0) || size != tt.size || farewell != nil || string(msg) != tt.msg {
			t.Errorf("%s: got %q, %v, %d, %v", name, msg, farewell, size, err)
		}
		if err == nil && (len(tt.in) >= size) != tt.complete {
			t.Errorf("%s: %d of %d bytes", name, len(tt.in), size)
		}
	}
	_, farewell, _, err := parseRecord(appendFarewell(nil, 1234, "bye\xff"), limit)
	if err != nil || !farewell.Remote || farewell.Code != 1234 || farewell.Reason != "bye\uFFFD" {
		t.Errorf("farewell: %v, %v", farewell, err)
	}
}

// What is appended is parsed again, message by message.
func TestRecordsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 300
		msgs := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, limit)).Draw(t, "msgs")
		code := transport.Code(rapid.Uint32().Draw(t, "code"))
		reason := transport.CutReason(rapid.String().Draw(t, "reason"))
		var b []byte
		for _, m := range msgs {
			b = appendMessage(b, string(m))
		}
		b = appendFarewell(b, code, reason)
		for _, want := range msgs {
			got, farewell, size, err := parseRecord(b, limit)
			if err != nil || farewell != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %q, %v, %v, want %q", got, farewell, err, want)
			}
			b = b[size:]
		}
		_, farewell, size, err := parseRecord(b, limit)
		if err != nil || size != len(b) || farewell == nil || farewell.Code != code || farewell.Reason != reason {
			t.Fatalf("farewell %v, %v", farewell, err)
		}
	})
}

// FuzzRecord checks that parsing asks for a bounded number of bytes, of which
// each makes progress, and never reaches beyond what there is.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(appendMessage(nil, "hello"))
	f.Add(appendFarewell(nil, transport.CodeShutdown, "going down"))
	f.Add(welcome)
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1000
		for {
			msg, farewell, size, err := parseRecord(b, limit)
			if err != nil {
				return
			}
			if size < recordHeader || size > max(recordHeader+limit, farewellSize+transport.MaxReason) {
				t.Fatalf("a record of %d bytes", size)
			}
			if size > len(b) {
				if msg != nil || farewell != nil {
					t.Fatal("a record that is not there")
				}
				return
			}
			if farewell == nil && (len(msg) != size-recordHeader || cap(msg) != len(msg)) {
				t.Fatalf("a message of %d bytes, cap %d, in %d", len(msg), cap(msg), size)
			}
			b = b[size:]
		}
	})
}
