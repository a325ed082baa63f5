package clientsession

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// ErrCommandRate says that an object message exceeds the command rate: an
// unreliable one was not sent, for a reliable one too many wait already.
var ErrCommandRate = errors.New("clientsession: the client sends more object messages than its command rate allows; send fewer, or ask for a higher rate with SetRates")

// commands are the object messages to the server. Servers count them against the
// rate that they granted, drop unreliable ones above it, delay reliable ones,
// and close if it goes on; so the client holds itself to the rate.
type commands struct {
	rate   uint16 // per second
	bucket session.Bucket
	free   time.Time // when the next one may be sent
	queue  []command // reliable ones that wait for it
}

// commandRate allows a quarter of a second's commands at once, and at least 4.
// Culm's servers allow twice that: packets bunch on the way.
func commandRate(rate uint16) session.Rate {
	return session.Rate{PerSecond: float64(rate), Burst: max(float64(rate)/4, 4)}
}

// command is a message that waits: for an object that the client may have lost
// by the time it can be sent.
type command struct {
	o   *Object
	msg []byte
}

// Send calls a method of an object on the server, with arguments as
// [dc.Field.Pack] takes them; see SendPacked.
func (s *Session) Send(doID uint32, method string, args ...any) error {
	o := s.Object(doID)
	if o == nil {
		return unknownObject(doID)
	}
	f := o.class.FieldByName(method)
	if f == nil {
		return fmt.Errorf("clientsession: %v has no field %q", o.class, method)
	}
	packed, err := f.Pack(nil, args...)
	if err != nil {
		return fmt.Errorf("clientsession: %w", err)
	}
	return s.SendPacked(doID, f, packed)
}

// SendPacked calls a method of an object on the server with packed arguments. The
// field must be atomic, of the object's class, and clsend, or ownsend if the
// client owns the object; servers refuse others, and also objects in zones that
// have just left the client's interest. Numbers must be finite; servers pass over
// others, and over text that is not UTF-8. It goes reliably unless the field is
// unreliable and the message short enough.
//
// Above the command rate that the server grants, reliable ones wait and are sent
// by Frame, in order; if there are too many the error is [ErrCommandRate].
// Unreliable ones are not sent then, which is [ErrCommandRate] too. Other errors
// are [ErrNotWelcomed], the transport's, or say what is wrong with the call.
func (s *Session) SendPacked(doID uint32, f *dc.Field, args []byte) error {
	if s.phase != welcomed {
		return ErrNotWelcomed
	}
	o := s.Object(doID)
	if o == nil {
		return unknownObject(doID)
	}
	switch {
	case f == nil:
		return fmt.Errorf("clientsession: there is no field to send; does %v have one of that name?", o.class)
	case f.Kind() != dc.Atomic:
		return fmt.Errorf("clientsession: %v is no method; only methods can be sent", f)
	case o.class.Field(f.Number()) != f:
		return fmt.Errorf("clientsession: %v is not a field of %v", f, o.class)
	case f.Has(dc.ClSend):
	case f.Has(dc.OwnSend) && !o.owner:
		return fmt.Errorf("clientsession: %v is ownsend, and the client does not own object %d", f, doID)
	case !f.Has(dc.OwnSend):
		return fmt.Errorf("clientsession: %v is neither clsend nor ownsend: the server would refuse it", f)
	}
	err := f.Check(args)
	if err == nil {
		err = f.CheckFinite(args)
	}
	if err != nil {
		return fmt.Errorf("clientsession: %w", err)
	}
	k := &s.commands
	unreliable := f.Has(dc.Unreliable)
	wait := len(k.queue) > 0 || s.now.Before(k.free)
	if wait && (unreliable || len(k.queue) >= s.config.MaxCommands) {
		s.stats.CommandsRefused++
		return ErrCommandRate
	}
	s.buf = wire.ObjectMessage{DoID: doID, Field: uint16(f.Number()), Args: args}.Append(s.buf[:0])
	if wait {
		s.stats.CommandsDelayed++
		k.queue = append(k.queue, command{o: o, msg: bytes.Clone(s.buf)})
		return nil
	}
	m := transport.Message{Data: s.buf}
	if unreliable {
		m.Mode = transport.Unreliable
	}
	err = s.sendCommand(m)
	if unreliable && errors.Is(err, transport.ErrTooLarge) {
		m.Mode = transport.Reliable
		err = s.sendCommand(m)
	}
	return err
}

func unknownObject(doID uint32) error {
	return fmt.Errorf("clientsession: the client has no object %d", doID)
}

// sendCommand sends a command and counts it against the rate.
func (s *Session) sendCommand(m transport.Message) error {
	if err := s.send(m); err != nil {
		return err
	}
	k := &s.commands
	s.stats.Commands++
	k.free = s.now.Add(k.bucket.Spend(s.now, commandRate(k.rate), 1))
	return nil
}

// sendCommands sends those that waited, as far as the rate allows.
func (s *Session) sendCommands() {
	k := &s.commands
	n := 0
	for n < len(k.queue) && !s.now.Before(k.free) {
		c := &k.queue[n]
		// The object may be gone, and another have its doId.
		if c.o.life == Alive {
			err := s.sendCommand(transport.Message{Data: c.msg})
			if errors.Is(err, transport.ErrFull) {
				break
			}
			if err != nil {
				s.stats.CommandsRefused++ // it is too long
			}
		}
		n++
	}
	clear(k.queue[:n])
	if k.queue = k.queue[n:]; len(k.queue) == 0 {
		k.queue = nil
	}
}
