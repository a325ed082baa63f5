package quic

import (
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// stopped is a stream that has been reset so many times.
type stopped int

func (s *stopped) CancelWrite(quic.StreamErrorCode) { *s++ }

// What a stream still had to send when it was reset does not wait any more: it
// would keep others out for as long as nothing else is sent.
func TestResetStreamsDoNotWait(t *testing.T) {
	var l longStreams
	var resets stopped
	start := time.Unix(1000, 0)
	give := func(key uint64, n int, sent uint64) {
		l.add(longStream{key: key, keyed: true, sent: start, n: n, s: &resets}, 3, sent)
	}
	waits := func(want, sent uint64, n stopped) {
		t.Helper()
		if got := l.given.waiting(sent); got != want || resets != n {
			t.Errorf("%d bytes wait, want %d; %d streams are reset, want %d", got, want, resets, n)
		}
	}
	give(1, 1000, 500)
	give(2, 400, 600)
	give(3, 300, 600)
	waits(1600, 600, 0)
	l.overtake(1, start, 700) // all are as new
	waits(1500, 700, 0)
	l.overtake(1, start.Add(1), 700) // 800 bytes of it had not left
	waits(700, 700, 1)
	l.overtake(2, start.Add(1), 800) // nor 300 of this one
	waits(300, 800, 2)
	give(4, 200, 900) // in the place of the first one, long reset
	waits(400, 900, 2)
	l.overtake(3, start.Add(1), 2000) // has left
	waits(0, 2000, 3)
	give(5, 100, 2000)
	give(6, 100, 2000)
	give(7, 100, 2000) // there is no place but that of 4, which has left
	waits(300, 2000, 4)
	give(8, 100, 2050) // in the place of 5, of which 50 bytes have not left
	waits(300, 2050, 5)
	l.overtake(8, start.Add(1), 2050)
	waits(200, 2050, 6)
}
