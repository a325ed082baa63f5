package netclock

import (
	"fmt"
	"time"
)

// Settings of a client's clock. The names in the comments are those of
// panda3d-pipes' README, the numbers its defaults. Zero means zero: start
// from [DefaultSettings].
type Settings struct {
	// TickRate is the server's rate (pipes-tickrate, 66), which it tells in
	// SV_Hello_Resp.
	TickRate Rate
	// Correction is whether drift is corrected gradually
	// (pipes-clock-correction, true). Without it the clock only snaps.
	Correction bool
	// DriftMax is how far the client may be off before it snaps to the
	// server's tick (pipes-clock-drift-max-ms, 150). It is rounded to ticks
	// and never less than one.
	DriftMax time.Duration
	// Up to MinOffset of drift nothing is corrected, from MaxOffset on as
	// much as possible, and in between proportionally
	// (pipes-clock-correction-adjustment-min-offset, 10 ms, and
	// pipes-clock-correction-adjustment-max-offset, 90 ms).
	MinOffset, MaxOffset time.Duration
	// MaxAmount is the most that is corrected, per second
	// (pipes-clock-correction-adjustment-max-amount, 200 ms). Less than a
	// second, or time would stand still.
	MaxAmount time.Duration
	// CatchUp is the longest frame that is made good ([DefaultCatchUp]; see
	// [NewClock]). panda3d-pipes has no such limit.
	CatchUp time.Duration
}

// DefaultSettings returns the defaults.
func DefaultSettings() Settings {
	return Settings{
		TickRate:   DefaultRate,
		Correction: true,
		DriftMax:   150 * time.Millisecond,
		MinOffset:  10 * time.Millisecond,
		MaxOffset:  90 * time.Millisecond,
		MaxAmount:  200 * time.Millisecond,
		CatchUp:    DefaultCatchUp,
	}
}

// Validate returns an error that says which setting to change if a clock
// cannot run on the settings.
func (s Settings) Validate() error {
	const (
		maxDrift  = "pipes-clock-drift-max-ms"
		minOffset = "pipes-clock-correction-adjustment-min-offset"
		maxOffset = "pipes-clock-correction-adjustment-max-offset"
		maxAmount = "pipes-clock-correction-adjustment-max-amount"
	)
	if _, err := newClock(s.TickRate, s.CatchUp); err != nil {
		return err
	}
	bad := func(name string, is time.Duration, want string) error {
		return fmt.Errorf("netclock: %s is %v: set it to %s", name, is, want)
	}
	switch {
	case s.DriftMax <= 0 || s.DriftMax > time.Minute:
		return bad(maxDrift, s.DriftMax, "more than 0 and at most a minute")
	case s.MinOffset < 0:
		return bad(minOffset, s.MinOffset, "0 or more")
	case s.MinOffset >= s.DriftMax:
		return bad(minOffset, s.MinOffset, fmt.Sprintf("less than %s (%v), or the clock snaps where it should correct", maxDrift, s.DriftMax))
	case s.MaxOffset < s.MinOffset || s.MaxOffset > time.Minute:
		return bad(maxOffset, s.MaxOffset, fmt.Sprintf("at least %s (%v) and at most a minute", minOffset, s.MinOffset))
	case s.MaxAmount <= 0 || s.MaxAmount >= time.Second:
		return bad(maxAmount, s.MaxAmount, "more than 0 and less than a second (to correct nothing, set pipes-clock-correction to false)")
	}
	return nil
}
