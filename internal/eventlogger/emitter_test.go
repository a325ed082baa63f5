package eventlogger

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A connection whose writes wait, as no UDP socket's should.
type stuck struct {
	net.Conn
	begun, release chan struct{}
	once           sync.Once
}

func (s *stuck) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.begun) })
	<-s.release
	return len(b), nil
}
func (s *stuck) Close() error { return nil }

func TestEmittingNeverBlocks(t *testing.T) {
	for _, test := range []struct {
		name    string
		bytes   int
		waiting uint64 // that fit
	}{
		{"many", 1, emitterPackets},
		{"long", MaxPacket, emitterBytes / MaxPacket},
	} {
		conn := &stuck{begun: make(chan struct{}), release: make(chan struct{})}
		e := newEmitter(conn)
		packet := make([]byte, test.bytes)
		e.Forward(packet)
		<-conn.begun // it no longer counts as waiting
		for range test.waiting + 5 {
			e.Forward(packet)
		}
		if got := e.Stats().Dropped; got != 5 {
			t.Errorf("%s: %d dropped, want 5", test.name, got)
		}
		close(conn.release)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if got := e.Stats().Sent; got != test.waiting+1 {
			t.Errorf("%s: %d sent, want %d", test.name, got, test.waiting+1)
		}
		e.Emit(Event{})
		if got := e.Stats().Dropped; got != 6 {
			t.Errorf("%s: an event after the end is not counted", test.name)
		}
		if err := e.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	}
}

type refusing struct{ net.Conn }

func (refusing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (refusing) Close() error              { return nil }

func TestEmitterCountsWhatIsRefused(t *testing.T) {
	e := newEmitter(refusing{})
	e.Emit(Event{Type: "x"})
	e.Forward(make([]byte, MaxPacket+1))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := e.Stats(), (EmitterStats{Dropped: 1, Failed: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestNoEmitterDiscards(t *testing.T) {
	var e *Emitter
	e.Emit(Event{Type: "x"})
	e.Forward([]byte{0x80})
	if got := e.Stats(); got != (EmitterStats{}) {
		t.Errorf("%+v", got)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestDialNeedsAName(t *testing.T) {
	if e, err := Dial("127.0.0.1:no-port"); err == nil {
		e.Close()
		t.Error("accepted")
	}
}
