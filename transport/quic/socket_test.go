package quic

import (
	"log/slog"
	"net"
	"testing"
)

// Packets go to addresses in each form that there is of them, from sockets for
// one family and for both.
func TestSocketSends(t *testing.T) {
	four := net.IPv4(127, 0, 0, 1) // of 16 bytes
	tests := map[string][]net.IP{"udp4": {four, four.To4()}, "udp": {four, four.To4()}}
	if c, err := net.ListenPacket("udp6", "[::1]:0"); err == nil { // the machine has IPv6
		_ = c.Close()
		tests["udp6"] = []net.IP{net.IPv6loopback}
		tests["udp"] = append(tests["udp"], net.IPv6loopback)
	}
	for network, ips := range tests {
		s, err := openSocket(network, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer s.release()
		for _, ip := range ips {
			peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip})
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			if n, _, err := s.udp.WriteMsgUDP([]byte("hello"), nil, &net.UDPAddr{IP: ip, Port: peer.LocalAddr().(*net.UDPAddr).Port}); n != 5 || err != nil {
				t.Errorf("%s to %v: %d, %v", network, ip, n, err)
			}
			got := make([]byte, 10)
			if n, err := peer.Read(got); string(got[:n]) != "hello" || err != nil {
				t.Errorf("%s to %v: %q, %v arrives", network, ip, got[:n], err)
			}
		}
	}
}
