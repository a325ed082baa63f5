package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/udplink"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
)

// lossy is a network as players have it.
var lossy = udplink.Config{Loss: 0.05, Latency: 80 * time.Millisecond, Jitter: 20 * time.Millisecond, Reorder: 0.03, Duplicate: 0.02, Seed: 4}

// TestConvergence plays over a bad network while the world changes. Whatever a
// client shows was so at the tick that it says, and when the world rests it shows
// all of it.
func TestConvergence(t *testing.T) {
	t.Parallel()
	past := newHistory(t, 1)
	h := newHost(t, hostConfig{tick: past.tick})
	link := h.behind(lossy)
	var guests []*guest
	var same []chan int
	for _, plain := range []bool{false, true} {
		var c *client.Client // of the callbacks
		judged, shown := 0, make(chan int, 1)
		judge := func(o *client.Object) { past.was(o); judged++ }
		guests = append(guests, h.visit(link.Addr().String(), client.Config{Plain: plain, UpdateRate: 60, Events: client.Events{
			Generated: func(o *client.Object) {
				if c = o.Client(); !plain { // where generates tell no tick
					judge(o)
				}
			},
			Updated: func(o *client.Object, _ []int) { judge(o) },
			Frame: func(time.Time) {
				if c != nil && past.shows(c) {
					select {
					case shown <- judged:
					default:
					}
				}
			},
		}}, 1, 2))
		same = append(same, shown)
	}
	for _, g := range guests {
		next(t, "the client connects", g.connected)
	}
	h.world.Do(func() { past.last = h.world.Tick() + 130 })
	for i, g := range guests {
		if n := next(t, "the client shows the world as it is", same[i]); n < 50 {
			t.Errorf("only %d updates were judged", n)
		}
		if len(g.lost) > 0 {
			t.Errorf("lost: %v", <-g.lost)
		}
	}
}

// TestMigration gives the client a new address in the midst of the game, twice. The
// server knows it as the same client at the new place.
func TestMigration(t *testing.T) {
	t.Parallel()
	past := newHistory(t, 2)
	h := newHost(t, hostConfig{tick: past.tick})
	link := h.behind(udplink.Config{Latency: 10 * time.Millisecond, Loss: 0.02, Seed: 1})
	g := h.visit(link.Addr().String(), client.Config{Events: client.Events{
		Updated: func(o *client.Object, _ []int) { past.was(o) },
	}}, 1)
	c := next(t, "the client joins", h.joined)
	g.goesOn(h)
	seenAt := func() string {
		at := make(chan string)
		h.world.Do(func() { at <- c.Info().Address })
		return <-at
	}
	for range 2 {
		before := seenAt()
		check(t, link.Rebind())
		g.goesOn(h)
		for seenAt() == before {
			g.goesOn(h)
		}
	}
	if s := h.pipes.Stats(); s.Connected != 1 || s.Disconnected != 0 || len(h.joined) > 0 {
		t.Errorf("%+v", s)
	}
}

// TestRestart ends the server and starts another one: in good order, and as a
// process that dies, of which clients hear from the next one.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, dies := range []bool{false, true} {
		t.Run(map[bool]string{false: "stops", true: "dies"}[dies], func(t *testing.T) {
			t.Parallel()
			cert, err := quic.SelfSigned()
			check(t, err)
			past := newHistory(t, 3)
			c := hostConfig{cert: cert, tick: past.tick, quic: quic.Config{ResetKey: [32]byte{1}}}
			if dies {
				c.quic.Linger = -1
			}
			first := newHost(t, c)
			link := first.behind(udplink.Config{})
			g := first.visit(link.Addr().String(), client.Config{}, 1)
			next(t, "the client connects", g.connected)
			g.goesOn(first)

			c.addr = first.addr()
			if dies {
				check(t, link.Set(udplink.Config{Loss: 1}))
			}
			first.stop()
			if dies {
				check(t, link.Rebind()) // nor does it hear what was under way
			}
			past = newHistory(t, 4)
			c.tick = past.tick
			second := newHost(t, c)
			check(t, link.Set(udplink.Config{}))

			var closed *transport.CloseError
			err = next(t, "the client is lost", g.lost)
			want, code := "the server is shutting down", transport.CodeShutdown
			if dies {
				want, code = "it may have been restarted", transport.CodeUnknown
			}
			if !errors.As(err, &closed) || !closed.Remote || closed.Code != code || !strings.Contains(err.Error(), want) {
				t.Errorf("lost: %v", err)
			}
			next(t, "the client connects again", g.connected)
			for len(g.lost) > 0 { // attempts while nobody was there
				<-g.lost
			}
			g.goesOn(second)
		})
	}
}

// TestAnotherCertificate is a server that comes back as somebody else: that ends the
// client.
func TestAnotherCertificate(t *testing.T) {
	t.Parallel()
	first := newHost(t, hostConfig{})
	link := first.behind(udplink.Config{})
	g := first.visit(link.Addr().String(), client.Config{})
	next(t, "the client connects", g.connected)
	first.stop()
	second := newHost(t, hostConfig{addr: first.addr()})
	if err := next(t, "the client gives up", g.ended); !errors.Is(err, transport.ErrUntrusted) || !errors.Is(err, quic.ErrFingerprint) || !strings.Contains(err.Error(), second.pin.String()) {
		t.Errorf("%v", err)
	}
	if s := second.pipes.Stats(); len(g.connected) > 0 || s.Connected > 0 || s.Connections > 0 {
		t.Errorf("%+v", s)
	}
}

// TestCertificates verifies a server by who has signed its certificate, and by its
// name.
func TestCertificates(t *testing.T) {
	t.Parallel()
	cert, err := quic.SelfSigned("game.example.org")
	check(t, err)
	h := newHost(t, hostConfig{cert: cert})
	roots := x509.NewCertPool()
	c, err := cert.Get(nil)
	check(t, err)
	roots.AddCert(c.Leaf)
	for name, want := range map[string]error{"game.example.org": nil, "other.example.org": quic.ErrCertificate} {
		g := h.visit("", client.Config{
			Dial:  dialer(h.addr(), quic.Config{TLS: &tls.Config{RootCAs: roots, ServerName: name}}),
			Retry: func(error) bool { return false },
		})
		if want == nil {
			next(t, "the client connects", g.connected)
		} else if err := next(t, "the client gives up", g.ended); !errors.Is(err, want) || !strings.Contains(err.Error(), "game.example.org") {
			t.Errorf("%v", err)
		}
	}
}

// TestRefused meets a server that does not let the client in for a reason that
// stays.
func TestRefused(t *testing.T) {
	t.Parallel()
	h := newHost(t, hostConfig{pipes: pipes.Config{Password: "sesame"}})
	other, err := dc.Parse(dc.Source{Name: "other.dc", Text: []byte("dclass Other { uint8 x; };")})
	check(t, err)
	addr := h.behind(lossy).Addr().String()
	for want, g := range map[string]*guest{
		"wrong password":   h.visit(addr, client.Config{Password: "barley"}),
		"DC hash mismatch": h.visit(addr, client.Config{Password: "sesame", Schema: other}),
	} {
		err := next(t, "the client gives up", g.ended)
		if !errors.Is(err, client.ErrRejected) || !strings.Contains(err.Error(), want) || len(g.lost) > 0 || len(g.connected) > 0 {
			t.Errorf("%v, want %q", err, want)
		}
	}
	s := h.pipes.Stats()
	if s.Rejected["password"] != 1 || s.Rejected["dc_hash"] != 1 || s.Connected != 0 {
		t.Errorf("%+v", s)
	}
}

// TestFullServer lets the client in when there is a place.
func TestFullServer(t *testing.T) {
	t.Parallel()
	h := newHost(t, hostConfig{pipes: pipes.Config{MaxClients: 1}})
	first := h.visit("", client.Config{})
	next(t, "the first client connects", first.connected)
	second := h.visit("", client.Config{})
	for range 2 {
		if err := next(t, "the second client is sent away", second.lost); !errors.Is(err, client.ErrRejected) || !strings.Contains(err.Error(), "the server is full") {
			t.Errorf("%v", err)
		}
	}
	first.leave()
	next(t, "the second client connects", second.connected)
}

// undecided is an authenticator that never answers.
type undecided chan *pipes.Login

func (u undecided) Start(l *pipes.Login)          { u <- l }
func (undecided) Answer(l *pipes.Login, _ []byte) {}

// TestShutdown ends a server while one client plays and one waits to be let in.
func TestShutdown(t *testing.T) {
	t.Parallel()
	asked := make(undecided, 2)
	h := newHost(t, hostConfig{pipes: pipes.Config{Authenticator: asked}})
	silent := client.Config{Authenticate: func(*client.Client, []byte) {}}
	playing := h.visit("", silent)
	next(t, "the first login", asked).Accept("ann")
	next(t, "the first client connects", playing.connected)
	waiting := h.visit("", silent)
	next(t, "the second login", asked)
	h.stop()
	const text = "the server is shutting down"
	var closed *transport.CloseError
	if err := next(t, "who plays is told", playing.lost); !errors.As(err, &closed) || closed.Code != transport.CodeShutdown || !strings.Contains(err.Error(), text) {
		t.Errorf("who plays: %v", err)
	}
	if err := next(t, "who waits is told", waiting.lost); !errors.Is(err, client.ErrRejected) || !strings.Contains(err.Error(), text) {
		t.Errorf("who waits: %v", err)
	}
	if s := h.pipes.Stats(); s.Rejected["shutting_down"] != 1 || s.Connections != 0 {
		t.Errorf("%+v", s)
	}
}
