package clientsession

import (
	"errors"
	"time"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// SetRates asks for snapshots and commands per second, from 1. In the plain
// dialect they are cut to 255, hold at once, and the server clamps them without
// saying so; with the extension RatesGranted tells what it grants. Errors are
// [ErrNotWelcomed] and the transport's.
func (s *Session) SetRates(update, command uint16) error {
	switch {
	case s.phase != welcomed:
		return ErrNotWelcomed
	case update == 0 || command == 0:
		return errors.New("clientsession: rates are at least 1 per second")
	}
	if s.extended {
		return s.sendRate(wire.Rates{Type: wire.ExtSetRates, Update: update, Command: command})
	}
	update, command = plainRate(update), plainRate(command)
	if err := s.sendRate(wire.SetRate{Type: wire.CLSetUpdateRate, Rate: uint8(update)}); err != nil {
		return err
	}
	if err := s.sendRate(wire.SetRate{Type: wire.CLSetCMDRate, Rate: uint8(command)}); err != nil {
		return err
	}
	s.setRates(update, command)
	return nil
}

func (s *Session) sendRate(m interface {
	Append(b []byte) ([]byte, error)
}) error {
	s.buf, _ = m.Append(s.buf[:0]) // rates are not 0
	return s.send(transport.Message{Data: s.buf})
}

// ratesGranted takes Ext_Rates.
func (s *Session) ratesGranted(body []byte) error {
	m, err := wire.DecodeRates(wire.ExtRates, body)
	if err != nil {
		return err
	}
	s.setRates(m.Update, m.Command)
	s.events.RatesGranted(m.Update, m.Command)
	return nil
}

// setRates notes the rates that hold from now on.
func (s *Session) setRates(update, command uint16) {
	s.update, s.commands.rate = update, command
	var err error
	s.delay, err = s.clock.Rate().InterpolationDelay(s.config.Interp.Seconds(), s.config.InterpRatio, float64(update))
	if err != nil {
		// The settings are good for the rate that was asked for, but not for
		// what the server grants.
		s.delay = time.Minute.Seconds()
	}
}

// UpdateRate returns how many snapshots per second the server grants; without
// the extension, how many were asked for.
func (s *Session) UpdateRate() uint16 { return s.update }

// CommandRate returns how many commands per second the server grants; without
// the extension, how many were asked for.
func (s *Session) CommandRate() uint16 { return s.commands.rate }
