// Package independent is a client of the pipes protocol for tests. It is
// written from the description of the protocol and shares no code with the
// sessions that it is to test, so that a fault cannot hide by being made twice:
// docs/pipes.md for the extension, and for the plain dialect what is known of
// panda3d-pipes' own client, with what that client does not survive.
//
// A [Client] keeps the objects that it is shown, judges each message by every
// rule that a client can check, and writes down what broke one. It does not
// answer a fault by closing: a test wants to know what comes next.
package independent
