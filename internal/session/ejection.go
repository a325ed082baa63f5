package session

import (
	"fmt"

	"github.com/culm-net/culm/transport"
)

// Ejection is the decision to end a session: a protocol core returns it, the
// shell logs it, tells the peer where its protocol can, and closes the
// connection. It is an error.
type Ejection struct {
	Code   transport.Code // the protocol's own codes start at 1000
	Reason string         // for people, in the peer's and the server's log
}

// Eject makes an ejection with a formatted reason.
func Eject(code transport.Code, format string, args ...any) *Ejection {
	return &Ejection{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// Error returns the reason.
func (e *Ejection) Error() string { return e.Reason }
