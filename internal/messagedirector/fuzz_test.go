package messagedirector

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLink lets links and the director above send anything. Its input is a row
// of who sends (uint8), a length (uint8) and a message. Nobody may be cut for
// what others send, nobody may get what was not sent, and nothing may be left
// when all have gone.
func FuzzLink(f *testing.F) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var seed []byte
		for line := range strings.SplitSeq(string(text), "\n") {
			line, _, _ = strings.Cut(line, "#")
			who, rest, ok := strings.Cut(line, " sends ")
			if !ok {
				continue
			}
			for part := range strings.SplitSeq(rest, " ; ") {
				m, err := compose(part)
				if err != nil {
					f.Fatal(err)
				}
				if len(m) <= 255 {
					seed = append(append(seed, byte(strings.Index("abc", who)+1), byte(len(m))), m...)
				}
			}
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		st := newCoreStage(t, &stageConfig{limits: Limits{Channels: 20, Ranges: 20, PostRemoves: 2000}}).(*coreStage)
		up := st.upstream()
		peers := []peer{up}
		for range 3 {
			p, _ := st.join()
			peers = append(peers, p)
		}
		sent := make(map[string]bool)
		for len(data) >= 2 {
			who, n := int(data[0])%len(peers), min(int(data[1]), len(data)-2)
			m := data[2 : 2+n : 2+n]
			data = data[2+n:]
			sent[string(m)] = true
			if isControl(m) {
				if c, err := parseControl(m); err == nil && c.typ == ControlAddPostRemove {
					sent[string(c.contents)] = true
				}
			}
			before := make([]bool, len(peers))
			for i, p := range peers {
				before[i] = p.dropped()
			}
			peers[who].send(m)
			for i, p := range peers {
				if p.dropped() && !before[i] && i != who {
					t.Fatalf("link %d was dropped for %x, which link %d sent", i, m, who)
				}
				for _, got := range p.received() {
					if !sent[string(got)] && (i > 0 || !isControl(got)) {
						t.Fatalf("link %d gets %x, which nobody sent", i, got)
					}
				}
			}
		}
		for _, p := range peers[1:] {
			p.leave()
		}
		up.leave()
		d := st.director
		s := d.Stats()
		if s.Participants != 0 || s.Channels != 0 || s.Ranges != 0 || len(d.posters) != 0 {
			t.Fatalf("left over: %+v, post-removes of %d senders", s, len(d.posters))
		}
		if n := len(d.table.lists) - len(d.table.free); n != 0 {
			t.Fatalf("%d lists of subscribers are left over", n)
		}
	})
}

// FuzzMessage holds the parsing of messages to what they were made of.
func FuzzMessage(f *testing.F) {
	for _, text := range []string{"5 -> 7 8 : 9 hello", "5 -> : 9", "hex 01", "hex 00", "hex ff00", "add 7", "hex 0107"} {
		m, err := compose(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMessage(data)
		if err != nil {
			if len(data) > 0 && len(data) >= 1+8*int(data[0]) {
				t.Fatalf("%x is refused: %v", data, err)
			}
			return
		}
		if !bytes.Equal(m.Raw, data) {
			t.Fatal("Raw is something else")
		}
		again := []byte{data[0]}
		for i := range m.Recipients() {
			again = appendUint64(again, m.Recipient(i))
		}
		if len(data) >= len(again)+10 {
			again = appendUint64(again, m.Sender)
			again = append(again, byte(m.Type), byte(m.Type>>8))
			again = append(again, m.Payload...)
		} else if m.Sender != 0 || m.Type != 0 || m.Payload != nil {
			t.Fatalf("%x has a header: %+v", data, m)
		}
		if !bytes.HasPrefix(data, again) || m.Payload != nil && len(again) != len(data) {
			t.Fatalf("%x was read as %x", data, again)
		}
	})
}
