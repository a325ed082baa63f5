// Package chat is an example: a room with people who walk about and chat. Its
// programs are in server and client, and game is generated from chat.dc.
package chat

import (
	"strings"
	"unicode"
)

//go:generate go run ../../cmd/culm dc gen go chat.dc -o game --for world,client

// Printable makes fit for a terminal what somebody else has written: an escape
// code in it could do anything there.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
