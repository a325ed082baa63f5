package websocket

import (
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/culm-net/culm/transport"
)

// Registered with IANA, and unknown to the library.
const (
	statusForbidden websocket.StatusCode = 3003
	statusTimeout   websocket.StatusCode = 3008
)

// A protocol's codes from firstCode on go to WebSocket's range for private use
// as long as that reaches.
const (
	firstCode    = 1000
	privateFirst = 4000
	privateCount = 1000
)

// status is what the close frame says for a code.
func status(c transport.Code) websocket.StatusCode {
	switch {
	case c == transport.CodeNormal, c == transport.CodeUnknown:
		return websocket.StatusNormalClosure
	case c == transport.CodeShutdown:
		return websocket.StatusGoingAway
	case c == transport.CodeProtocol, c == transport.CodeNetwork:
		return websocket.StatusProtocolError
	case c == transport.CodeRefused:
		return statusForbidden
	case c == transport.CodeTimeout:
		return statusTimeout
	case c >= firstCode && c-firstCode < privateCount:
		return privateFirst + websocket.StatusCode(c-firstCode)
	}
	return websocket.StatusPolicyViolation
}

// codeOf is what a peer's close frame means.
func codeOf(s websocket.StatusCode) transport.Code {
	switch {
	case s == websocket.StatusNormalClosure:
		return transport.CodeNormal
	case s == websocket.StatusGoingAway, s == websocket.StatusServiceRestart:
		return transport.CodeShutdown
	case s == websocket.StatusProtocolError, s == websocket.StatusUnsupportedData,
		s == websocket.StatusInvalidFramePayloadData, s == websocket.StatusMessageTooBig,
		s == websocket.StatusMandatoryExtension:
		return transport.CodeProtocol
	case s == statusForbidden, s == websocket.StatusTryAgainLater:
		return transport.CodeRefused
	case s == statusTimeout:
		return transport.CodeTimeout
	case s >= privateFirst && s < privateFirst+privateCount:
		return firstCode + transport.Code(s-privateFirst)
	}
	return transport.CodeUnknown
}

// cutReason makes a reason, which is UTF-8, fit into a close frame.
func cutReason(s string) string {
	if len(s) <= MaxReason {
		return s
	}
	n := MaxReason
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
