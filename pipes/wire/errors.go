package wire

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/culm-net/culm/datagram"
)

// What can be wrong about a message besides its length and its values. An
// [*Error] wraps them; a session may want to answer them in a way of its own.
var (
	// ErrUnknownClass is a generate of a class that the schema lacks: it
	// cannot be read, but does no harm to what follows.
	ErrUnknownClass = errors.New("the DC files have no class of that number; do both sides use the same ones?")
	// ErrUnknownObject is state in a plain snapshot for an object whose class
	// is not known, so that the rest of the snapshot cannot be read.
	ErrUnknownObject = errors.New("state for an object that was not generated; the rest of the snapshot cannot be read")
)

// Error says why a message was refused, or cannot be sent.
type Error struct {
	Type Type
	// Err is a [*datagram.ShortError], [*datagram.TrailingError],
	// [*datagram.LengthError] or [*dc.ValueError], wraps one of this package's
	// errors, or says in words what is wrong. Offsets in the first two count
	// from behind the message's type.
	Err error
}

// Error names the message and says what is wrong with it.
func (e *Error) Error() string { return fmt.Sprintf("pipes: %v: %v", e.Type, e.Err) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func refuse(t Type, err error) error { return &Error{Type: t, Err: err} }

func refusef(t Type, format string, args ...any) error {
	return refuse(t, fmt.Errorf(format, args...))
}

var errText = errors.New("a string is not UTF-8")

// text reads a string that must be UTF-8. The bytes are looked at before they
// are copied.
func text(r *datagram.Reader) (string, error) {
	b := r.Blob()
	if err := r.Err(); err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", errText
	}
	return string(b), nil
}

// finish returns what was written, or on error what there was before.
func finish(t Type, before []byte, w *datagram.Writer) ([]byte, error) {
	if err := w.Err(); err != nil {
		return before, refuse(t, err)
	}
	return w.Buf, nil
}

// seconds checks a span of time that a peer names: finite and not negative.
func seconds(t Type, what string, v float32) error {
	if !(v >= 0 && v <= math.MaxFloat32) {
		return refusef(t, "%s is %v, not a number of seconds", what, v)
	}
	return nil
}
