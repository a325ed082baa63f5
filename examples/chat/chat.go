// Package chat is an example: a room with people who walk about and chat. Its
// programs are in server and client, and game is generated from chat.dc.
package chat

//go:generate go run ../../cmd/culm dc gen go chat.dc -o game
