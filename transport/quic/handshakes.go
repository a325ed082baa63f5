package quic

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// handshakes limits what peers that have not been let in can cost. They are
// counted in all while they are under way, and for each address by how many
// began lately. Where many are, a peer must first prove its address, and only
// those that did count towards its limit: nobody can use up the share of an
// address that is not his.
type handshakes struct {
	max, perAddress, retryAbove int
	now                         func() time.Time

	mu       sync.Mutex
	closed   bool // nobody is let in any more
	underWay int
	begun    map[netip.Prefix]begun // since window
	window   time.Time              // when counting for addresses began anew

	refused, retried uint64
}

// begun is how many handshakes began from an address.
type begun struct{ proven, unproven int }

// addressWindow is how long an address' handshakes are counted.
const addressWindow = 10 * time.Second

// maxAddresses is for how many addresses handshakes are counted at once. It
// takes as many handshakes in a window as no server completes.
const maxAddresses = 1 << 16

// unprovenShare is the part of an address' share that needs no proof.
const unprovenShare = 4

func newHandshakes(cfg *Config) *handshakes {
	return &handshakes{
		max: cfg.MaxHandshakes, perAddress: cfg.HandshakesPerAddress, retryAbove: cfg.RetryAbove,
		now:   time.Now,
		begun: make(map[netip.Prefix]begun),
	}
}

// mustProve reports whether a peer has to prove its address first. It is made
// for quic.Transport.VerifySourceAddress, and called for each packet that
// begins a handshake.
func (s *handshakes) mustProve(addr net.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	must := s.underWay > s.retryAbove
	if ip := addrOf(addr); s.counts(ip) {
		s.turn()
		must = must || s.begun[customer(ip)].unproven >= max(1, s.perAddress/unprovenShare)
	}
	if must {
		s.retried++
	}
	return must
}

// counts reports whether there is a limit for an address.
func (s *handshakes) counts(ip netip.Addr) bool { return s.perAddress > 0 && !ip.IsLoopback() }

// turn begins a new window when the old one is over.
func (s *handshakes) turn() {
	if now := s.now(); now.Sub(s.window) >= addressWindow {
		s.window = now
		clear(s.begun)
	}
}

var (
	errHandshakes = errors.New("too many handshakes are under way")
	errAddress    = errors.New("too many handshakes from this address")
)

func (s *handshakes) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// handshake is one that is under way.
type handshake struct {
	of   *handshakes
	once sync.Once
	stop func() bool
}

// done counts the handshake out, once.
func (h *handshake) done() {
	h.once.Do(func() {
		h.of.mu.Lock()
		h.of.underWay--
		h.of.mu.Unlock()
	})
}

type handshakeKey struct{}

// begin counts a handshake in until its context is done, or settle is called
// for it. It is made for quic.Transport.ConnContext.
func (s *handshakes) begin(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	if err := s.enter(addrOf(info.RemoteAddr), info.AddrVerified); err != nil {
		return nil, err
	}
	h := &handshake{of: s}
	h.stop = context.AfterFunc(ctx, h.done)
	return context.WithValue(ctx, handshakeKey{}, h), nil
}

// settle counts out the handshake of a connection that was accepted.
func settle(ctx context.Context) {
	if h, ok := ctx.Value(handshakeKey{}).(*handshake); ok {
		h.stop()
		h.done()
	}
}

func (s *handshakes) enter(ip netip.Addr, proven bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return net.ErrClosed
	case s.underWay >= s.max:
		s.refused++
		return errHandshakes
	}
	if s.counts(ip) {
		s.turn()
		key := customer(ip)
		n, known := s.begun[key]
		if n.proven >= s.perAddress || !known && len(s.begun) >= maxAddresses {
			s.refused++
			return errAddress
		}
		if proven {
			n.proven++
		} else {
			n.unproven++
		}
		s.begun[key] = n
	}
	s.underWay++
	return nil
}

// customer is the address block that one customer of a provider holds: an IPv6
// /64.
func customer(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits)
	return p
}

// addrOf returns the IP address in a, unmapped and without zone.
func addrOf(a net.Addr) netip.Addr {
	if udp, ok := a.(*net.UDPAddr); ok {
		return udp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
