package cluster

import (
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

var errAddress = errors.New(`is not an address: write HOST, HOST:PORT, an IPv4 or IPv6 address, or [IPv6]:PORT`)

// hostName has no two separators side by side, and begins with a letter or a
// digit. It may end with a dot.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]+(-+[A-Za-z0-9]+|\.[A-Za-z0-9]+)*\.?$`)

// parseAddress reads an address as Astron does (astron.md 9.1) and returns it
// as "host:port". It is not resolved.
func parseAddress(text, defaultPort string) (string, error) {
	host, port := text, defaultPort
	switch {
	case strings.HasPrefix(text, "["):
		var rest string
		var closed bool
		host, rest, closed = strings.Cut(text[1:], "]")
		if ip, err := netip.ParseAddr(host); !closed || err != nil || !ip.Is6() {
			return "", errAddress
		}
		if rest != "" {
			if rest[0] != ':' {
				return "", errAddress
			}
			port = rest[1:]
		}
	case strings.Count(text, ":") > 1:
		if _, err := netip.ParseAddr(text); err != nil {
			return "", errAddress
		}
	default:
		if name, after, ok := strings.Cut(text, ":"); ok {
			host, port = name, after
		}
		if !hostName.MatchString(host) {
			return "", errAddress
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", errors.New("has no port between 0 and 65535 behind its colon")
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// isLoopback reports whether only this machine reaches an address.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// reaches reports whether who connects to an address surely reaches who listens
// on bind on the same machine.
func reaches(addr, bind string) bool {
	if addr == bind {
		return true
	}
	host, port, err := net.SplitHostPort(bind)
	ip, notIP := netip.ParseAddr(host)
	_, to, toErr := net.SplitHostPort(addr)
	return err == nil && notIP == nil && toErr == nil && port == to && ip.IsUnspecified() && isLoopback(addr)
}
