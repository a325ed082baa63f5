package lan

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// TestTranscript plays a recorded session of two stock clients with
// ServerRepository to the server: it must send what ServerRepository sent, to
// the byte.
func TestTranscript(t *testing.T) {
	text, err := os.ReadFile("testdata/transcript.json")
	if err != nil {
		t.Fatal(err)
	}
	var transcript struct {
		Messages []struct {
			Conn      int
			From, Hex string
			Type      any // a number, or "closed"
		}
	}
	if err := json.Unmarshal(text, &transcript); err != nil {
		t.Fatal(err)
	}
	schema, err := dc.ParseFiles("testdata/thing.dc")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(Config{Schema: schema, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	conns := make(map[int]*fakeConn)
	want := make(map[int][][]byte)
	for i, m := range transcript.Messages {
		c := conns[m.Conn]
		if c == nil {
			c = &fakeConn{addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: m.Conn}}
			conns[m.Conn] = c
			s.Opened(c)
		}
		b, err := hex.DecodeString(m.Hex)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		switch {
		case m.Type == "closed" && m.From == "client":
			s.Closed(c, &transport.CloseError{Remote: true})
		case m.Type == "closed":
		case m.From == "client":
			s.nextPeriod() // the clients did nothing twice in a tenth of a second
			s.Received(c, [][]byte{b})
		default:
			want[m.Conn] = append(want[m.Conn], b)
		}
	}
	for conn, c := range conns {
		if c.closed && c.code != transport.CodeNormal {
			t.Errorf("connection %d was closed: %s", conn, c.reason)
		}
		for i := range max(len(c.got), len(want[conn])) {
			if c.closed && i >= len(want[conn]) && Type(binary.LittleEndian.Uint16(c.got[i])) == ObjectUpdateField {
				// ServerRepository read the client's goodbye before the last
				// updates of the other one, which the proxy had seen earlier.
				continue
			}
			var got, wanted []byte
			if i < len(c.got) {
				got = c.got[i]
			}
			if i < len(want[conn]) {
				wanted = want[conn][i]
			}
			if !bytes.Equal(got, wanted) {
				t.Fatalf("connection %d, message %d: the server sends %x, ServerRepository sent %x", conn, i, got, wanted)
			}
		}
	}
}
