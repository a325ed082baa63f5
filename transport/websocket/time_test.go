package websocket

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/transport"
)

// How long a peer is waited for that takes nothing and says nothing more. Time
// is virtual here.
func TestPatience(t *testing.T) {
	const stalls = 80 * time.Second // as the documentation has it
	for _, tt := range []struct {
		name string
		does func(transport.Conn, net.Conn)
		want transport.Code
		from time.Duration // at the earliest
		to   time.Duration // at the latest
	}{
		{"Stalled", func(c transport.Conn, _ net.Conn) {
			_ = c.Send(transport.Message{Data: []byte("nobody reads this")})
			c.Flush()
		}, transport.CodeTimeout, stalls, stalls + 2*time.Second},
		{"StalledAfterClose", func(c transport.Conn, _ net.Conn) {
			_ = c.Send(transport.Message{Data: []byte("nobody reads this")})
			c.Close(1234, "nor this")
		}, 1234, 2 * time.Second, 2 * time.Second},
		{"ClosedWhileStalled", func(c transport.Conn, _ net.Conn) {
			_ = c.Send(transport.Message{Data: []byte("nobody reads this")})
			c.Flush()
			time.Sleep(time.Minute)
			c.Close(1234, "nor this")
		}, 1234, 62 * time.Second, 62 * time.Second},
		{"NoAnswerToClose", func(c transport.Conn, there net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, there) }()
			c.Close(1234, "and you?")
		}, 1234, 2 * time.Second, 2 * time.Second},
		{"PingAndNoPongTaken", func(_ transport.Conn, there net.Conn) {
			_, _ = io.WriteString(there, frame(opPing, "are you there?"))
		}, transport.CodeTimeout, 5 * time.Second, 5 * time.Second},
		{"FaultAndNothingTaken", func(_ transport.Conn, there net.Conn) {
			_, _ = io.WriteString(there, frame(opText, "")+frame(opBinary, ""))
		}, transport.CodeProtocol, 2 * time.Second, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, err := Config{}.withDefaults()
				if err != nil {
					t.Fatal(err)
				}
				h := newCollect(1)
				there := pipe(&cfg, h)
				began := time.Now()
				tt.does(<-h.opened, there)
				why := <-h.closed
				if took := time.Since(began); took < tt.from || took > tt.to {
					t.Errorf("closed after %v", took)
				}
				if why.Remote || why.Code != tt.want {
					t.Errorf("Closed is told %v", why)
				}
				_ = there.Close()
				synctest.Wait()
			})
		})
	}
}

// A peer that is silent, and was never asked anything, is not closed: that it
// is there is for keep-alive and the protocol above to find out.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := Config{}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		h := newCollect(1)
		there := pipe(&cfg, h)
		<-h.opened
		time.Sleep(24 * time.Hour)
		for range 3 * MaxPings { // as many as it may
			go func() { _, _ = io.WriteString(there, frame(opPing, "")) }()
			if _, err := io.ReadFull(there, make([]byte, 2)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(pingWindow / MaxPings)
		}
		_, _ = io.WriteString(there, frame(opBinary, "still here"))
		if got := <-h.msgs; got != "still here" {
			t.Errorf("received %q", got)
		}
		_ = there.Close()
		<-h.closed
	})
}
