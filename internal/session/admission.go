package session

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

// Why [Admission.Enter] refuses a peer.
var (
	ErrFull        = errors.New("the server is full")
	ErrAddressFull = errors.New("too many connections from this address")
)

// Admission limits how many peers are connected, in all and for each address.
// IPv6 addresses count by their /64, which is what one customer gets. It is
// safe for concurrent use, and holds one entry for each address that has a
// connection now.
type Admission struct {
	max        int
	perAddress int

	mu     sync.Mutex
	total  int
	counts map[netip.Prefix]int
}

// NewAdmission limits to max peers in all and perAddress from one address; 0
// means no limit.
func NewAdmission(max, perAddress int) *Admission {
	return &Admission{max: max, perAddress: perAddress, counts: make(map[netip.Prefix]int)}
}

// Enter counts a peer in, or says why it may not enter: [ErrFull] or
// [ErrAddressFull]. Peers that are exempt from the limit per address (trusted
// ones) still count towards the limit in all. Each success must be followed
// by one Leave with the same arguments.
func (a *Admission) Enter(addr netip.Addr, exempt bool) error {
	key := customer(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.max > 0 && a.total >= a.max {
		return ErrFull
	}
	if !exempt {
		if a.perAddress > 0 && a.counts[key] >= a.perAddress {
			return ErrAddressFull
		}
		a.counts[key]++
	}
	a.total++
	return nil
}

// Leave counts a peer out that Enter let in.
func (a *Admission) Leave(addr netip.Addr, exempt bool) {
	key := customer(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total--
	if exempt {
		return
	}
	if a.counts[key]--; a.counts[key] <= 0 {
		delete(a.counts, key)
	}
}

// Total is how many peers are in.
func (a *Admission) Total() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}

// customer is the address block that one customer of a provider holds.
func customer(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil { // the zero Addr: peers without an IP address share a count
		return netip.Prefix{}
	}
	return p
}

// AddrOf returns the IP address in a, unmapped and without zone, or the zero
// Addr when a is not an IP address (a simulated network's peers, for example).
func AddrOf(a net.Addr) netip.Addr {
	var ip netip.Addr
	switch a := a.(type) {
	case *net.TCPAddr:
		ip = a.AddrPort().Addr()
	case *net.UDPAddr:
		ip = a.AddrPort().Addr()
	default:
		if ap, err := netip.ParseAddrPort(a.String()); err == nil {
			ip = ap.Addr()
		}
	}
	return ip.Unmap().WithZone("")
}

// Networks is a list of address blocks, such as those of trusted peers.
type Networks []netip.Prefix

// Contains reports whether addr is in one of the blocks.
func (n Networks) Contains(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// ParseNetworks reads address blocks ("10.0.0.0/8", "2001:db8::/32") and
// single addresses.
func ParseNetworks(texts ...string) (Networks, error) {
	var nets Networks
	for _, s := range texts {
		if addr, err := netip.ParseAddr(s); err == nil {
			addr = addr.Unmap().WithZone("")
			nets = append(nets, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, errors.New("\"" + s + "\" is neither an address nor a block of addresses such as 10.0.0.0/8 or ::1/128")
		}
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		nets = append(nets, p.Masked())
	}
	return nets, nil
}
