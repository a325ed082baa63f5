package session

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestAdmission(t *testing.T) {
	a := NewAdmission(6, 2)
	enter := func(addr string, exempt bool, want error) {
		t.Helper()
		if err := a.Enter(netip.MustParseAddr(addr), exempt); !errors.Is(err, want) {
			t.Errorf("Enter(%s, %v): %v, wanted %v", addr, exempt, err, want)
		}
	}
	enter("192.0.2.1", false, nil)
	enter("::ffff:192.0.2.1", false, nil) // the same address, as a v6 socket sees it
	enter("192.0.2.1", false, ErrAddressFull)
	enter("192.0.2.1", true, nil)
	enter("2001:db8::1", false, nil)
	enter("2001:db8::ffff:0:0:1", false, nil) // the same /64
	enter("2001:db8::2%eth0", false, ErrAddressFull)
	enter("2001:db8:0:1::1", false, nil) // another one
	enter("192.0.2.2", false, ErrFull)
	enter("192.0.2.2", true, ErrFull)
	if n := a.Total(); n != 6 {
		t.Errorf("%d are in, wanted 6", n)
	}
	a.Leave(netip.MustParseAddr("192.0.2.1"), false)
	a.Leave(netip.MustParseAddr("192.0.2.1"), true)
	enter("192.0.2.1", false, nil)
	enter("192.0.2.1", false, ErrAddressFull)
	for _, addr := range []string{"192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1", "2001:db8:0:1::1"} {
		a.Leave(netip.MustParseAddr(addr), false)
	}
	if a.Total() != 0 || len(a.counts) != 0 {
		t.Errorf("%d are in and %d addresses remembered after all left", a.Total(), len(a.counts))
	}
}

func TestAdmissionWithoutLimits(t *testing.T) {
	a := NewAdmission(0, 0)
	for range 10000 {
		if err := a.Enter(netip.Addr{}, false); err != nil {
			t.Fatal(err)
		}
	}
}

type textAddr string

func (textAddr) Network() string  { return "test" }
func (a textAddr) String() string { return string(a) }

func TestAddrOf(t *testing.T) {
	for _, c := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}, "192.0.2.1"},
		{&net.UDPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 5}, "fe80::1"},
		{textAddr("[2001:db8::1]:80"), "2001:db8::1"},
		{textAddr("peer 7"), "invalid IP"},
	} {
		if got := AddrOf(c.addr); got.String() != c.want {
			t.Errorf("AddrOf(%v) = %v, wanted %v", c.addr, got, c.want)
		}
	}
}

func TestNetworks(t *testing.T) {
	nets, err := ParseNetworks("10.1.0.0/16", "192.0.2.7", "::1", "2001:db8::/32", "::ffff:10.3.0.0/112")
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"10.1.255.3": true, "::ffff:10.1.0.1": true, "10.2.0.1": false, "10.3.255.1": true, "10.4.0.1": false,
		"192.0.2.7": true, "192.0.2.8": false, "::1": true, "::2": false, "2001:db8:ffff::1": true,
	} {
		if nets.Contains(netip.MustParseAddr(addr)) != want {
			t.Errorf("Contains(%s) = %v", addr, !want)
		}
	}
	if nets.Contains(netip.Addr{}) {
		t.Error("an address that is none is trusted")
	}
	for _, bad := range []string{"", "example.org", "10.0.0.0/33", "10.0.0.0/8/8"} {
		if _, err := ParseNetworks(bad); err == nil {
			t.Errorf("ParseNetworks(%q) took it", bad)
		}
	}
}
