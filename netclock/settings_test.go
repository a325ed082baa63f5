package netclock

import (
	"strings"
	"testing"
	"time"
)

func TestSettings(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name   string
		change func(*Settings)
		says   string // a part of the error, empty for none
	}{
		{"the defaults", func(s *Settings) {}, ""},
		{"nothing corrected", func(s *Settings) { s.Correction = false }, ""},
		{"always corrected", func(s *Settings) { s.MinOffset = 0 }, ""},
		{"no ramp", func(s *Settings) { s.MaxOffset = s.MinOffset }, ""},
		{"slow ticks", func(s *Settings) { s.TickRate = 1 }, ""},
		{"no rate", func(s *Settings) { s.TickRate = 0 }, "pipes-tickrate"},
		{"negative rate", func(s *Settings) { s.TickRate = -1 }, "pipes-tickrate"},
		{"absurd rate", func(s *Settings) { s.TickRate = 1 << 30 }, "pipes-tickrate"},
		{"no drift", func(s *Settings) { s.DriftMax = 0 }, "pipes-clock-drift-max-ms"},
		{"negative drift", func(s *Settings) { s.DriftMax = -ms }, "pipes-clock-drift-max-ms"},
		{"absurd drift", func(s *Settings) { s.DriftMax = time.Hour }, "pipes-clock-drift-max-ms"},
		{"negative min offset", func(s *Settings) { s.MinOffset = -ms }, "min-offset"},
		{"min offset never reached", func(s *Settings) { s.MinOffset, s.MaxOffset = 150*ms, 200*ms }, "min-offset"},
		{"offsets swapped", func(s *Settings) { s.MinOffset, s.MaxOffset = 90*ms, 10*ms }, "max-offset"},
		{"absurd max offset", func(s *Settings) { s.MaxOffset = time.Hour }, "max-offset"},
		{"no amount", func(s *Settings) { s.MaxAmount = 0 }, "max-amount"},
		{"negative amount", func(s *Settings) { s.MaxAmount = -ms }, "max-amount"},
		{"time stands still", func(s *Settings) { s.MaxAmount = time.Second }, "max-amount"},
		{"no catch-up", func(s *Settings) { s.CatchUp = 0 }, "catch-up"},
	} {
		s := DefaultSettings()
		test.change(&s)
		err := s.Validate()
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
		if _, newErr := NewClient(s); (newErr == nil) != (err == nil) {
			t.Errorf("%s: NewClient says %v, Validate %v", test.name, newErr, err)
		}
	}
}
