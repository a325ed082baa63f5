package clientsession

import (
	"fmt"
	"time"

	"github.com/culm-net/culm/pipes/wire"
)

// receive takes one message.
func (s *Session) receive(now time.Time, msg []byte) error {
	t, body, err := wire.Split(msg)
	if err != nil {
		return err
	}
	switch {
	case s.phase != welcomed:
		return s.receiveEarly(t, body)
	case s.extended:
		return s.receiveExtended(now, t, body)
	default:
		return s.receivePlain(now, t, body)
	}
}

// receiveEarly takes a message before the welcome.
func (s *Session) receiveEarly(t wire.Type, body []byte) error {
	switch {
	case t == wire.SVHelloResp && s.phase == greeted:
		return s.helloAnswered(body)
	case t == wire.SVAuthenticateRequest && s.phase == authenticating:
		return s.authenticate(body)
	case t == wire.SVAuthenticateResponse && s.phase == authenticating:
		return s.authenticated(body)
	case t.Extended() && !s.config.Plain, t == wire.BObjectMessage:
		// Goes unreliably and has overtaken the welcome.
		s.stats.Ignored++
		return nil
	}
	return fmt.Errorf("%v before the welcome", t)
}

func (s *Session) receivePlain(now time.Time, t wire.Type, body []byte) error {
	switch t {
	case wire.SVTick:
		return s.receiveSnapshot(body)
	case wire.BObjectMessage:
		return s.receiveMessage(body)
	case wire.SVGenerateObject, wire.SVGenerateOwnerObject:
		return s.generate(t, body)
	case wire.SVDisableObject, wire.SVDeleteObject:
		return s.gone(t, body)
	case wire.SVInterestComplete:
		return s.interestComplete(t, body)
	case wire.SVPingResp:
		s.ponged(now, 0)
		return nil
	}
	return s.other(t)
}

func (s *Session) receiveExtended(now time.Time, t wire.Type, body []byte) error {
	switch t {
	case wire.ExtSnapshot:
		return s.receivePart(now, body)
	case wire.ExtObjectMessage:
		return s.receiveTicked(body)
	case wire.ExtGenerate, wire.ExtGenerateOwner:
		return s.generateExtended(t, body)
	case wire.ExtRemove:
		return s.remove(body)
	case wire.ExtZone:
		return s.moved(body)
	case wire.ExtInterestComplete:
		return s.interestComplete(t, body)
	case wire.ExtRates:
		return s.ratesGranted(body)
	case wire.ExtPingResp:
		m, err := wire.DecodePing(t, body)
		if err == nil {
			s.ponged(now, m.Number)
		}
		return err
	case wire.SVTick, wire.BObjectMessage, wire.SVGenerateObject, wire.SVGenerateOwnerObject, wire.SVDisableObject, wire.SVDeleteObject,
		wire.SVInterestComplete, wire.SVPingResp:
		return fmt.Errorf("%v, which the extension replaces", t)
	}
	return s.other(t)
}

// other is a message that means nothing to a client after the welcome.
func (s *Session) other(t wire.Type) error {
	switch t {
	case wire.SVHelloResp, wire.SVAuthenticateRequest, wire.SVAuthenticateResponse:
		return fmt.Errorf("%v after the welcome", t)
	}
	s.stats.Ignored++
	return nil
}
