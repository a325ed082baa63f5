package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
)

// oneWay stands between a client and s, and once cut lets nothing through to
// the client any more: what the server sends is never acknowledged, but the
// client is heard all the time.
func oneWay(t *testing.T, s *server) (addr net.Addr, cut *atomic.Bool) {
	t.Helper()
	tap, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cut = new(atomic.Bool)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = tap.Close()
		<-done
	})
	go func() {
		defer close(done)
		var client net.Addr
		buf := make([]byte, 2000)
		for {
			n, from, err := tap.ReadFrom(buf)
			if err != nil {
				return
			}
			if from.String() != s.Addr().String() {
				client = from
				_, _ = tap.WriteTo(buf[:n], s.Addr())
			} else if !cut.Load() {
				_, _ = tap.WriteTo(buf[:n], client)
			}
		}
	}()
	return tap.LocalAddr(), cut
}

// A peer that allows everything and acknowledges nothing costs no more than the
// queues' limits, holds up nobody, and can be got rid of.
func TestPeerThatNeverAcknowledges(t *testing.T) {
	s := serve(t, Config{Linger: 50 * time.Millisecond})
	b := s.bystander(t)
	addr, cut := oneWay(t, s)
	udp, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &quic.Transport{Conn: udp}
	q, err := tr.Dial(context.Background(), addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}}, &quic.Config{
		EnableDatagrams: true, MaxIncomingUniStreams: 1 << 50,
		InitialStreamReceiveWindow: 1 << 40, MaxStreamReceiveWindow: 1 << 40,
		InitialConnectionReceiveWindow: 1 << 40, MaxConnectionReceiveWindow: 1 << 40,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = q.CloseWithError(0, "")
		_ = tr.Close()
		_ = udp.Close()
	})
	sc := await(t, s.opened)
	cut.Store(true)
	for i := range 1000 {
		if i%10 == 0 { // it would wait itself if it sent too much
			_ = q.SendDatagram([]byte("I am here"))
		}
		for range 3 {
			if err := sc.Send(transport.Message{Data: make([]byte, 60_000), Mode: transport.Unreliable}); err != nil {
				t.Fatal(err)
			}
		}
		if err := sc.Send(transport.Message{Data: make([]byte, 1000), Mode: transport.Latest, Key: uint64(i)}); err != nil {
			t.Fatal(err)
		}
		s.Flush([]transport.Conn{sc, b.server})
		b.works()
	}
	// What has left the queue is in quic-go's hands.
	st := sc.Stats()
	if left := st.BytesSent - uint64(st.Queued); left > 512<<10 || st.Queued > 256<<10 || sc.Budget() != 0 {
		t.Errorf("%d bytes were given away, budget %d: %+v", left, sc.Budget(), st)
	}
	for err = nil; err == nil; {
		err = sc.Send(transport.Message{Data: make([]byte, 10_000)})
		sc.Flush()
	}
	if !errors.Is(err, transport.ErrFull) {
		t.Error(err)
	}
	sc.Close(transport.CodeTimeout, "too slow")
	if got := await(t, s.closed); got.Remote || got.Code != transport.CodeTimeout {
		t.Errorf("Closed with %v", got)
	}
	b.works()
}

// Of the streams that are remembered, the oldest gives way and newer versions of
// a key overtake older ones.
func TestLongStreamsAreBounded(t *testing.T) {
	s := serve(t, Config{})
	q := s.raw(t, nil)
	await(t, s.opened)
	var l longStreams
	var all []*quic.SendStream
	for i := range 10 {
		o := reliable(t, q, []byte{0, 0, 0, 0})
		all = append(all, o)
		l.add(longStream{key: uint64(i), keyed: i%2 == 0, sent: time.Unix(int64(i), 0), s: o}, 4, 0)
	}
	l.overtake(7, time.Unix(100, 0), 0) // which is no key
	l.overtake(8, time.Unix(8, 0), 0)   // which is not older
	for i, o := range all {
		if gone := o.Context().Err() != nil; gone != (i < 6) {
			t.Errorf("stream %d is reset: %v", i, gone)
		}
	}
	l.overtake(8, time.Unix(9, 0), 0)
	if all[8].Context().Err() == nil || len(l.streams) != 4 {
		t.Errorf("%d streams are remembered", len(l.streams))
	}
}
