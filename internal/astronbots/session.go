package astronbots

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// The messages between a client and a client agent (astron.md section 7.2). They
// are not internal/clientagent's, so that a wrong number there is noticed here.
const (
	clientHello                 = 1
	clientHelloResp             = 2
	clientDisconnect            = 3
	clientEject                 = 4
	clientHeartbeat             = 5
	clientSetField              = 120
	clientSetFields             = 121
	clientLeaving               = 132
	clientLocation              = 140
	clientEnterObject           = 142
	clientEnterObjectOther      = 143
	clientLeavingOwner          = 161
	clientEnterObjectOwner      = 172
	clientEnterObjectOtherOwner = 173
	clientAddInterest           = 200
	clientAddInterestMultiple   = 201
	clientRemoveInterest        = 203
	clientDoneInterest          = 204
	seenByClients               = dc.Broadcast | dc.ClRecv
	seenByOwners                = dc.Broadcast | dc.ClRecv | dc.OwnRecv
)

// listener is told what comes on a session; one call at a time.
type listener interface {
	// entered tells of an object that comes into sight, or becomes the client's
	// own. value returns the packed value of a field, or nil.
	entered(s *session, doID, parent, zone uint32, class *dc.Class, own bool, value func(*dc.Field) []byte)
	updated(s *session, doID uint32, field uint16, value []byte) // value is valid during the call only
	left(s *session, doID uint32, own bool)
	interestDone(s *session, context uint32)
	misread(s *session, err error)     // a message that nobody should send
	closed(s *session, err error)      // once, also after leave
	batch(s *session, received func()) // around all that arrived together
}

// session is one connection of a client to a client agent. Its methods may be
// called from any goroutine.
type session struct {
	schema   *dc.Schema
	listener listener
	conn     transport.Conn
	greeted  chan struct{} // closed when the server has answered hello
	greeting sync.Once
	leaving  atomic.Bool   // on purpose
	done     chan struct{} // closed when the connection is gone
	err      error         // why it is, after done
	ejection error         // of the receiving goroutine
}

var _ transport.Handler = (*session)(nil)

// connect opens a session and says hello, and waits until the server has answered.
func connect(ctx context.Context, c *Config, l listener) (*session, error) {
	s := &session{schema: c.Schema, listener: l, greeted: make(chan struct{}), done: make(chan struct{})}
	conn, err := c.Dial(ctx, s)
	if err != nil {
		return nil, err
	}
	s.conn = conn
	var w datagram.Writer
	w.Uint16(clientHello)
	w.Uint32(c.Hash)
	w.String(c.Version)
	if err := s.send(&w); err != nil {
		s.leave()
		return nil, err
	}
	select {
	case <-s.greeted:
		return s, nil
	case <-s.done:
		return nil, s.err
	case <-ctx.Done():
		s.leave()
		return nil, fmt.Errorf("the server does not answer: %w", context.Cause(ctx))
	}
}

// leave says goodbye, closes the session and waits until it is closed.
func (s *session) leave() {
	s.leaving.Store(true)
	var w datagram.Writer
	w.Uint16(clientDisconnect)
	_ = s.send(&w) // if it is gone, so much the better
	s.conn.Close(transport.CodeNormal, "")
	<-s.done
}

func (s *session) send(w *datagram.Writer) error {
	if err := w.Err(); err != nil {
		return err
	}
	if err := s.conn.Send(transport.Message{Data: w.Buf}); err != nil {
		return err
	}
	s.conn.Flush()
	return nil
}

func (s *session) heartbeat() error {
	var w datagram.Writer
	w.Uint16(clientHeartbeat)
	return s.send(&w)
}

func (s *session) setField(doID uint32, f *dc.Field, value []byte) error {
	var w datagram.Writer
	w.Uint16(clientSetField)
	w.Uint32(doID)
	w.Uint16(uint16(f.Number()))
	w.Bytes(value)
	return s.send(&w)
}

func (s *session) move(doID, parent, zone uint32) error {
	var w datagram.Writer
	w.Uint16(clientLocation)
	w.Uint32(doID)
	w.Uint32(parent)
	w.Uint32(zone)
	return s.send(&w)
}

// setInterest opens interest 1 in a zone, or moves it there.
func (s *session) setInterest(context, parent, zone uint32) error {
	var w datagram.Writer
	w.Uint16(clientAddInterest)
	w.Uint32(context)
	w.Uint16(1)
	w.Uint32(parent)
	w.Uint32(zone)
	return s.send(&w)
}

// Opened is called by the transport.
func (s *session) Opened(transport.Conn) {}

// Closed is called by the transport.
func (s *session) Closed(_ transport.Conn, err error) {
	if s.err = s.ejection; s.err == nil {
		s.err = err
	}
	s.listener.closed(s, s.err)
	close(s.done)
}

// Received is called by the transport.
func (s *session) Received(_ transport.Conn, messages [][]byte) {
	s.listener.batch(s, func() {
		for _, m := range messages {
			if err := s.receive(m); err != nil {
				s.listener.misread(s, err)
			}
		}
	})
}

func (s *session) receive(m []byte) error {
	r := datagram.NewReader(m)
	switch typ := r.Uint16(); typ {
	case clientHelloResp:
		s.greeting.Do(func() { close(s.greeted) })
	case clientEject:
		code, reason := r.Uint16(), r.String()
		s.ejection = fmt.Errorf("ejected with code %d: %s", code, reason)
	case clientSetField:
		doID, field := r.Uint32(), r.Uint16()
		if value := r.Rest(); r.Err() == nil {
			s.listener.updated(s, doID, field, value)
		}
		return r.Err()
	case clientLeaving, clientLeavingOwner:
		doID := r.Uint32()
		if r.Err() == nil {
			s.listener.left(s, doID, typ == clientLeavingOwner)
		}
	case clientEnterObject, clientEnterObjectOther:
		return s.enter(&r, false, typ == clientEnterObjectOther, seenByClients)
	case clientEnterObjectOwner, clientEnterObjectOtherOwner:
		return s.enter(&r, true, typ == clientEnterObjectOtherOwner, seenByOwners)
	case clientDoneInterest:
		context := r.Uint32()
		r.Uint16()
		if r.Err() == nil {
			s.listener.interestDone(s, context)
		}
	case clientSetFields, clientLocation, clientAddInterest, clientAddInterestMultiple, clientRemoveInterest:
		r.Rest() // nothing that the bots look at
	default:
		return fmt.Errorf("a message of type %d, which is for nobody", typ)
	}
	return r.Done()
}

// enter reads an object's location and values.
func (s *session) enter(r *datagram.Reader, own, others bool, seen dc.Keyword) error {
	doID, parent, zone, number := r.Uint32(), r.Uint32(), r.Uint32(), int(r.Uint16())
	if r.Err() != nil {
		return r.Err()
	}
	class := s.schema.ClassByNumber(number)
	if class == nil {
		return fmt.Errorf("the object %d is of class %d, which there is not", doID, number)
	}
	first := *r
	for _, f := range class.RequiredFields() {
		if f.HasAny(seen) {
			if _, err := take(r, f); err != nil {
				return err
			}
		}
	}
	ram := *r
	n := 0
	if others {
		n = int(r.Uint16())
		ram = *r
	}
	for range n {
		if _, _, err := takeOther(r, class); err != nil {
			return err
		}
	}
	if err := r.Done(); err != nil {
		return err
	}
	s.listener.entered(s, doID, parent, zone, class, own, func(want *dc.Field) []byte {
		r := first
		for _, f := range class.RequiredFields() {
			if !f.HasAny(seen) {
				continue
			}
			if value, _ := take(&r, f); f == want {
				return value
			}
		}
		r = ram
		for range n {
			if f, value, _ := takeOther(&r, class); f == want {
				return value
			}
		}
		return nil
	})
	return nil
}

// take reads a field's value.
func take(r *datagram.Reader, f *dc.Field) ([]byte, error) {
	rest := *r
	n, err := f.CheckPrefix(rest.Rest())
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", f.Class().Name(), f.Name(), err)
	}
	return r.Bytes(n), r.Err()
}

// takeOther reads a field's number and value.
func takeOther(r *datagram.Reader, class *dc.Class) (*dc.Field, []byte, error) {
	number := int(r.Uint16())
	if r.Err() != nil {
		return nil, nil, r.Err()
	}
	f := class.Field(number)
	if f == nil {
		return nil, nil, fmt.Errorf("%s has no field %d", class.Name(), number)
	}
	value, err := take(r, f)
	return f, value, err
}
