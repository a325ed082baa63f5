// Package netclock keeps game time in ticks: a fixed-rate clock for whoever
// simulates, a clock that follows a server's ticks for its clients, and the
// round-trip time between the two.
//
// Nothing here reads a clock or starts a goroutine: time comes in as an
// argument, in seconds since the frame before. No type is safe for concurrent
// use; each belongs to the goroutine that drives it. Nothing allocates after
// construction.
//
// The rules and the names of the settings are those of panda3d-pipes
// (protocol file pipes.md, "Clock drift correction", "Settings" and "Ping");
// [Client] says where it differs from them and why.
package netclock

import (
	"fmt"
	"math"
)

// A Rate is a number of ticks per second, from 1 to [MaxRate] (setting
// pipes-tickrate). Its methods may only be called on a valid Rate.
type Rate int

const (
	// DefaultRate is the default of pipes-tickrate.
	DefaultRate Rate = 66
	// MaxRate is the highest rate that a clock takes. The pipes protocol
	// itself tells rates in one byte, so its sessions stop at 255.
	MaxRate Rate = 1000
)

// Validate returns an error if the rate cannot be that of a clock.
func (r Rate) Validate() error {
	if r < 1 || r > MaxRate {
		return fmt.Errorf("netclock: a tick rate of %d is not possible: set pipes-tickrate to between 1 and %d ticks per second", int(r), int(MaxRate))
	}
	return nil
}

// Interval returns the length of a tick in seconds.
func (r Rate) Interval() float64 { return 1 / float64(r) }

// Seconds returns how long so many ticks last. It is negative for negative
// ticks.
func (r Rate) Seconds(ticks int64) float64 { return float64(ticks) / float64(r) }

// Ticks returns the whole number of ticks nearest to a time in seconds, which
// may be negative. What no int64 can hold gives the nearest int64, NaN gives 0.
func (r Rate) Ticks(seconds float64) int64 {
	n := math.Round(seconds * float64(r))
	switch {
	case math.IsNaN(n):
		return 0
	case n >= math.MaxInt64:
		return math.MaxInt64
	case n <= math.MinInt64:
		return math.MinInt64
	}
	return int64(n)
}

// InterpolationDelay returns how far behind the present a client shows
// interpolated variables, in seconds: the longer of interp seconds
// (pipes-interp, default 0.1) and ratio snapshot intervals
// (pipes-interp-ratio, default 2; updateRate is pipes-updaterate, default 20
// per second), rounded to ticks, plus one tick. It is at most one minute;
// settings that are negative, not finite or ask for more are errors.
func (r Rate) InterpolationDelay(interp, ratio, updateRate float64) (float64, error) {
	const most = 60
	if err := r.Validate(); err != nil {
		return 0, err
	}
	if !(interp >= 0 && interp <= most) {
		return 0, fmt.Errorf("netclock: pipes-interp is %v: set it to between 0 and %d seconds", interp, most)
	}
	if !(updateRate > 0) || math.IsInf(updateRate, 0) {
		return 0, fmt.Errorf("netclock: pipes-updaterate is %v: set it to a positive number of snapshots per second", updateRate)
	}
	if !(ratio >= 0 && ratio/updateRate <= most) {
		return 0, fmt.Errorf("netclock: pipes-interp-ratio is %v at %v snapshots per second: set it to 0 or more, and to at most %d seconds of snapshots", ratio, updateRate, most)
	}
	return r.Seconds(r.Ticks(max(interp, ratio/updateRate)) + 1), nil
}
