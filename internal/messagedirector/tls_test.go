package messagedirector

import (
	"context"
	"crypto/tls"
	"sync"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/transporttest"
)

// Two directors over mutual TLS; who has no certificate, or one of somebody
// else, does not become a participant.
func TestMutualTLS(t *testing.T) {
	above, abovePool := transporttest.Certificate(t, "above")
	below, belowPool := transporttest.Certificate(t, "below")
	stranger, _ := transporttest.Certificate(t, "stranger")

	top := New(Limits{})
	server := NewServer(top, ServerConfig{})
	l, err := tcp.Listen("127.0.0.1:0", tcp.Config{TLS: &tls.Config{
		Certificates: []tls.Certificate{above},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    belowPool,
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()

	dial := func(certificates ...tls.Certificate) func(context.Context, transport.Handler) (transport.Conn, error) {
		return func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			c, err := tcp.Dial(ctx, l.Addr().String(), tcp.Config{TLS: &tls.Config{RootCAs: abovePool, Certificates: certificates}}, h)
			if err != nil {
				return nil, err
			}
			return c, nil
		}
	}
	for _, certificates := range [][]tls.Certificate{nil, {stranger}} {
		// With TLS 1.3 it may seem to be in until it hears of the refusal.
		up := NewUplink(New(Limits{}), UplinkConfig{Once: true, Dial: dial(certificates...)})
		if err := up.Run(t.Context()); err == nil {
			t.Errorf("let in with %d certificates", len(certificates))
		}
	}
	if n := server.Stats().Opened; n != 0 {
		t.Errorf("%d links were opened", n)
	}

	bottom := New(Limits{})
	heard := make(chan string, 1)
	ear := listener(func(m *Message) { heard <- describe(m.Raw) })
	bottom.Do(func() { _ = bottom.Subscribe(&ear.Participant, 600) })
	// Who asks is answered from above.
	answer := listener(nil)
	answer.f = func(m *Message) {
		b := top.Emit(&answer.Participant)
		b.Begin(7, 5, 600).Bytes([]byte("down"))
		_ = b.End()
	}
	top.Do(func() { _ = top.Subscribe(&answer.Participant, 500) })
	up := NewUplink(bottom, UplinkConfig{Dial: dial(below), Changed: func(up bool) {
		if up {
			bottom.Emit(&ear.Participant).Begin(7, 5, 500)
			_ = bottom.Emit(&ear.Participant).End()
		}
	}})
	running.Go(func() {
		if err := up.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	if got := <-heard; got != "5 -> 600 : 7 down" {
		t.Errorf("heard %s", got)
	}
}
