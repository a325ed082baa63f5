package clientsession

import (
	"errors"
	"fmt"

	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// hello sends CL_Hello.
func (s *Session) hello() error {
	c := &s.config
	m := wire.Hello{
		Password:    c.Password,
		DCHash:      c.Schema.Hash(),
		UpdateRate:  c.UpdateRate,
		CommandRate: c.CommandRate,
		Interp:      float32(c.Interp.Seconds()),
	}
	if c.Plain {
		m.UpdateRate, m.CommandRate = plainRate(m.UpdateRate), plainRate(m.CommandRate)
	} else {
		m.Extension = wire.Extension{Present: true, Features: wire.FeatureSnapshots}
	}
	var err error
	if s.buf, err = m.Append(s.buf[:0]); err != nil {
		return err
	}
	return s.send(transport.Message{Data: s.buf})
}

// plainRate cuts a rate to what the plain dialect can tell.
func plainRate(r uint16) uint16 { return min(r, 0xff) }

// helloAnswered takes SV_Hello_Resp.
func (s *Session) helloAnswered(body []byte) error {
	m, err := wire.DecodeHelloResponse(body)
	if err != nil {
		return err
	}
	if !m.Accepted {
		s.rejected(m.Reason)
		return nil
	}
	if !m.WantAuth {
		return s.welcome(m.Welcome, m.Extension)
	}
	if s.config.Authenticate == nil {
		s.end(ErrAuthentication)
		return nil
	}
	s.features, s.phase = m.Extension.Features, authenticating
	return s.checkFeatures(m.Extension)
}

// rejected ends the session with the server's reason, which is fit for logs
// afterwards.
func (s *Session) rejected(reason string) {
	if reason == "" {
		reason = "it gave no reason"
	}
	s.end(fmt.Errorf("%w: %s", ErrRejected, transport.CutReason(reason)))
}

func (s *Session) authenticate(body []byte) error {
	m, err := wire.DecodeAuthenticateRequest(body)
	if err == nil {
		s.config.Authenticate(s, m.Data)
	}
	return err
}

// Answer answers an SV_AuthenticateRequest with at most 65,535 bytes. Errors are
// those of the transport, or say that the server is not waiting for an answer or
// that it is too long.
func (s *Session) Answer(data []byte) error {
	if s.phase != authenticating {
		return errors.New("clientsession: the server does not wait for authentication")
	}
	var err error
	if s.buf, err = (wire.AuthenticateAnswer{Data: data}).Append(s.buf[:0]); err != nil {
		return fmt.Errorf("clientsession: %w", err)
	}
	return s.send(transport.Message{Data: s.buf})
}

func (s *Session) authenticated(body []byte) error {
	m, err := wire.DecodeAuthenticateResult(body)
	if err != nil {
		return err
	}
	if !m.Accepted {
		s.rejected(m.Reason)
		return nil
	}
	if m.Extension.Features != s.features {
		return fmt.Errorf("features %#x after the authentication, %#x before", m.Extension.Features, s.features)
	}
	return s.welcome(m.Welcome, m.Extension)
}

// checkFeatures refuses what was not offered.
func (s *Session) checkFeatures(e wire.Extension) error {
	var offered wire.Features
	if !s.config.Plain {
		offered = wire.FeatureSnapshots
	}
	if extra := e.Features &^ offered; extra != 0 {
		return fmt.Errorf("it grants features %#x, which were not offered", uint32(extra))
	}
	return nil
}

// welcome begins the game.
func (s *Session) welcome(w wire.Welcome, e wire.Extension) error {
	if err := s.checkFeatures(e); err != nil {
		return err
	}
	settings := s.config.Clock
	settings.TickRate = netclock.Rate(w.TickRate)
	clock, err := netclock.NewClient(settings)
	if err != nil {
		return err
	}
	clock.Reset(w.Tick)
	s.clock, s.clientID, s.tick = clock, w.ClientID, w.Tick
	s.extended = e.Features.Has(wire.FeatureSnapshots)
	s.phase = welcomed
	s.interests.next = 1
	update, command := w.UpdateRate, w.CommandRate
	if !e.Present {
		update, command = plainRate(s.config.UpdateRate), plainRate(s.config.CommandRate)
	}
	if update == 0 || command == 0 {
		return errors.New("it grants a rate of 0")
	}
	s.setRates(update, command)
	s.events.Welcomed()
	return nil
}
