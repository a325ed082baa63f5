package clientsession

import (
	"testing"
	"time"
)

// FuzzSession plays a server that the fuzzer thinks of. The first byte says how
// the session begins, then each message has a byte for its length in front; a
// length of 0 is a frame.
func FuzzSession(f *testing.F) {
	script := func(how byte, msgs ...[]byte) []byte {
		b := []byte{how}
		for _, m := range msgs {
			if len(m) < 256 {
				b = append(append(b, byte(len(m))), m...)
			}
		}
		return append(b, 0)
	}
	for how, lines := range [][]string{helloLines, plainLines, extendedLines} {
		s, _ := begin(f, Config{})
		if how > 0 {
			s, _ = play(f, how == 2, Config{})
		}
		st := &stage{schema: schema(f), session: s}
		var all [][]byte
		for _, line := range lines {
			all = append(all, encode(f, st, line))
			f.Add(script(byte(how), all[len(all)-1]))
		}
		f.Add(script(byte(how), all...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		c := Config{MaxObjects: 6, MaxBytes: 2000, MaxHeld: 400}
		var s *Session
		var w *watcher
		if data[0] == 0 {
			s, w = begin(t, c)
		} else {
			s, w = play(t, data[0]%2 == 0, c)
		}
		now := epoch
		for rest := data[1:]; len(rest) > 0; {
			n := min(int(rest[0]), len(rest)-1)
			msg := rest[1 : 1+n]
			rest = rest[1+n:]
			if n > 0 {
				s.Receive(now, [][]byte{msg})
			} else {
				now = now.Add(20 * time.Millisecond)
				s.Frame(now)
			}
			if err := w.check(); err != nil {
				t.Fatalf("after % x: %v", msg, err)
			}
		}
	})
}
