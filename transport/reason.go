package transport

import (
	"strings"
	"unicode/utf8"
)

// CutReason makes a reason fit for other people's logs: valid UTF-8, and at
// most [MaxReason] bytes without cutting a character apart. Transports use it
// on what [Conn.Close] is given and on what a peer sends.
func CutReason(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= MaxReason {
		return s
	}
	n := MaxReason
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
