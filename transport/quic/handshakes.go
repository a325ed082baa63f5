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
// began lately. Above retryAbove, only those count that have proved their
// address, so that false ones cannot use up anybody's share.
type handshakes struct {
	max, perAddress, retryAbove int
	now                         func() time.Time

	mu       sync.Mutex
	underWay int
	begun    map[netip.Prefix]int // since windowBegan
	window   time.Time            // when counting for addresses began anew

	refused, retried uint64
}

// addressWindow is how long an address' handshakes are counted.
const addressWindow = 10 * time.Second

// maxAddresses is for how many addresses handshakes are counted at once. It
// takes as many handshakes in a window as no server completes.
const maxAddresses = 1 << 16

func newHandshakes(cfg *Config) *handshakes {
	return &handshakes{
		max: cfg.MaxHandshakes, perAddress: cfg.HandshakesPerAddress, retryAbove: cfg.RetryAbove,
		now:   time.Now,
		begun: make(map[netip.Prefix]int),
	}
}

// mustProve reports whether a peer has to prove its address first. It is made
// for quic.Transport.VerifySourceAddress.
func (s *handshakes) mustProve(net.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay <= s.retryAbove {
		return false
	}
	s.retried++
	return true
}

var (
	errHandshakes = errors.New("too many handshakes are under way")
	errAddress    = errors.New("too many handshakes from this address")
)

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
	if err := s.enter(addrOf(info.RemoteAddr)); err != nil {
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

func (s *handshakes) enter(addr netip.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); now.Sub(s.window) >= addressWindow {
		s.window = now
		clear(s.begun)
	}
	if s.underWay >= s.max {
		s.refused++
		return errHandshakes
	}
	if s.perAddress > 0 && !addr.IsLoopback() {
		key := customer(addr)
		n, known := s.begun[key]
		if n >= s.perAddress || !known && len(s.begun) >= maxAddresses {
			s.refused++
			return errAddress
		}
		s.begun[key] = n + 1
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
