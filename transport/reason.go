package transport

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CutReason makes a reason fit for other people's logs and terminals: valid
// UTF-8 without control characters, each of which becomes U+FFFD, and at most
// [MaxReason] bytes without cutting a character apart. Transports use it
// on what [Conn.Close] is given and on what a peer sends.
func CutReason(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= MaxReason {
		return s
	}
	n := MaxReason
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
