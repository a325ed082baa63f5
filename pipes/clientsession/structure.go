package clientsession

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/culm-net/culm/pipes/wire"
)

// generate takes SV_GenerateObject and SV_GenerateOwnerObject.
func (s *Session) generate(t wire.Type, body []byte) error {
	m, err := wire.DecodeGenerate(s.config.Schema, t, body)
	if errors.Is(err, wire.ErrUnknownClass) {
		s.stats.Unknown++
		return nil
	}
	if err != nil {
		return err
	}
	if o := s.objects[m.DoID]; o != nil {
		s.stats.Repeated++
		if s.drop(o, Disabled); s.phase == ended {
			return nil
		}
	}
	o, err := s.add(&m, s.tick)
	if err != nil {
		return err
	}
	// Without a baseline too: nobody says that all of it will follow.
	s.show(o, m.RequiredFields())
	return nil
}

// gone takes SV_DisableObject and SV_DeleteObject.
func (s *Session) gone(t wire.Type, body []byte) error {
	m, err := wire.DecodeObjectGone(t, body)
	if err != nil {
		return err
	}
	o := s.objects[m.DoID]
	if o == nil {
		s.stats.Unknown++
		return nil
	}
	to := Deleted
	if t == wire.SVDisableObject {
		to = Disabled
	}
	s.drop(o, to)
	return nil
}

// step takes the stamp of a message that changes which objects there are, or
// where.
func (s *Session) step(t wire.Type, stamp wire.Stamp) error {
	if !wire.Newer(stamp.Structure, s.structure) {
		return fmt.Errorf("%v with structure sequence %d after %d", t, stamp.Structure, s.structure)
	}
	s.structure = stamp.Structure
	return nil
}

// generateExtended takes Ext_Generate and Ext_GenerateOwner.
func (s *Session) generateExtended(t wire.Type, body []byte) error {
	m, err := wire.DecodeGenerate(s.config.Schema, t, body)
	if err != nil {
		return err
	}
	if err := s.step(t, m.Stamp); err != nil {
		return err
	}
	if s.objects[m.DoID] != nil {
		return fmt.Errorf("%v of object %d, which the client has already", t, m.DoID)
	}
	o, err := s.add(&m, m.Stamp.Tick)
	if err != nil {
		return err
	}
	if o.has {
		s.show(o, m.RequiredFields())
	} else {
		o.generate = bytes.Clone(body)
		if err := s.account(o); err != nil {
			return err
		}
	}
	return s.releaseParts()
}

// appear shows an object whose generate had no baseline and that has its first
// state now.
func (s *Session) appear(o *Object) error {
	t := wire.ExtGenerate
	if o.owner {
		t = wire.ExtGenerateOwner
	}
	m, err := wire.DecodeGenerate(s.config.Schema, t, o.generate)
	if err != nil {
		return err // it could be read before
	}
	o.generate = nil
	if err := s.account(o); err != nil {
		return err
	}
	s.show(o, m.RequiredFields())
	return nil
}

// remove takes Ext_Remove.
func (s *Session) remove(body []byte) error {
	m, err := wire.DecodeRemove(body)
	if err != nil {
		return err
	}
	if err := s.step(wire.ExtRemove, m.Stamp); err != nil {
		return err
	}
	o := s.objects[m.DoID]
	if o == nil {
		return fmt.Errorf("%v of object %d, which the client does not have", wire.ExtRemove, m.DoID)
	}
	to := Disabled
	if m.Deleted {
		to = Deleted
	}
	s.drop(o, to)
	return s.releaseParts()
}

// moved takes Ext_Zone.
func (s *Session) moved(body []byte) error {
	m, err := wire.DecodeZoneChange(body)
	if err != nil {
		return err
	}
	if err := s.step(wire.ExtZone, m.Stamp); err != nil {
		return err
	}
	o := s.objects[m.DoID]
	if o == nil {
		return fmt.Errorf("%v of object %d, which the client does not have", wire.ExtZone, m.DoID)
	}
	if from, moved := o.move(m.Zone, m.Tick); moved && o.life != Fresh {
		s.events.ZoneChanged(o, from)
	}
	return s.releaseParts()
}

// move notes where an object was at a tick, unless that is known better. It
// reports whether that is another zone than before.
func (o *Object) move(zone, tick uint32) (from uint32, moved bool) {
	from = o.zone
	if wire.Newer(o.zoneTick, tick) {
		return from, false
	}
	o.zone, o.zoneTick = zone, tick
	return from, zone != from
}
