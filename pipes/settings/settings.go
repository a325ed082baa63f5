// Package settings reads the settings of the snapshot protocol from flags, the
// environment and YAML, so that a game's server, its clients and the command
// culm take the same ones by the same names.
//
// The names and defaults are those of panda3d-pipes' README (protocol file
// pipes.md, "Settings"), but for the port: 27015 is that of Steam's transport.
// A setting pipes-tickrate is the flag -pipes-tickrate, the variable
// CULM_PIPES_TICKRATE and the key pipes-tickrate of a YAML file. Where it is said
// more than once, a flag counts before the environment and that before a file. A
// program calls [Parse], or the methods of [Settings] in an order of its own.
package settings

import (
	"fmt"
	"time"

	"github.com/culm-net/culm/netclock"
)

// Settings are all of them, those of servers and those of clients. Make them
// with Default; the tags say what each may be.
type Settings struct {
	TickRate      int `name:"pipes-tickrate" env:"CULM_PIPES_TICKRATE" default:"66" min:"1" max:"1000" help:"Simulation ticks per second. Peers without Culm's extension take at most 255."`
	MaxUpdateRate int `name:"pipes-maxupdaterate" env:"CULM_PIPES_MAXUPDATERATE" default:"255" min:"1" max:"1000" help:"Most snapshots per second that a client may ask for."`
	MinUpdateRate int `name:"pipes-minupdaterate" env:"CULM_PIPES_MINUPDATERATE" default:"1" min:"1" max:"1000" help:"Fewest snapshots per second that a client gets."`
	MaxClients    int `name:"pipes-max-clients" env:"CULM_PIPES_MAX_CLIENTS" default:"24" min:"1" max:"65535" help:"Most clients that are connected at a time."`
	// SnapshotHistory is there so that settings of panda3d-pipes can be kept.
	SnapshotHistory int    `name:"pipes-snapshot-history" env:"CULM_PIPES_SNAPSHOT_HISTORY" default:"50" min:"1" max:"1000000" help:"Without effect: Culm keeps no snapshots, but what each client has."`
	Password        string `name:"pipes-password" env:"CULM_PIPES_PASSWORD" default:"" secret:"true" help:"What clients have to know to be let in; empty lets in everybody."`
	Port            int    `name:"pipes-port" env:"CULM_PIPES_PORT" default:"27016" min:"0" max:"65535" help:"UDP port of the server; 0 takes a free one."`

	UpdateRate   int     `name:"pipes-updaterate" env:"CULM_PIPES_UPDATERATE" default:"20" min:"1" max:"1000" help:"Snapshots per second that a client asks for."`
	CommandRate  int     `name:"pipes-cmdrate" env:"CULM_PIPES_CMDRATE" default:"100" min:"1" max:"1000" help:"Messages per second that a client may send."`
	Interp       float64 `name:"pipes-interp" env:"CULM_PIPES_INTERP" default:"0.1" min:"0" max:"10" help:"Interpolation buffer in seconds."`
	InterpRatio  float64 `name:"pipes-interp-ratio" env:"CULM_PIPES_INTERP_RATIO" default:"2" min:"0" max:"100" help:"Interpolation buffer in snapshots; the longer of the two counts."`
	PingInterval float64 `name:"pipes-ping-interval" env:"CULM_PIPES_PING_INTERVAL" default:"0.5" min:"0.05" max:"60" help:"Seconds between a client's pings."`

	ClockCorrection          bool `name:"pipes-clock-correction" env:"CULM_PIPES_CLOCK_CORRECTION" default:"true" help:"Let a client's clock follow the server's gradually, instead of only when it is far off."`
	ClockDriftMax            int  `name:"pipes-clock-drift-max-ms" env:"CULM_PIPES_CLOCK_DRIFT_MAX_MS" default:"150" min:"1" max:"10000" help:"Milliseconds of drift from which the clock is set at once."`
	ClockCorrectionMinOffset int  `name:"pipes-clock-correction-adjustment-min-offset" env:"CULM_PIPES_CLOCK_CORRECTION_ADJUSTMENT_MIN_OFFSET" default:"10" min:"0" max:"10000" help:"Milliseconds of drift up to which nothing is corrected."`
	ClockCorrectionMaxOffset int  `name:"pipes-clock-correction-adjustment-max-offset" env:"CULM_PIPES_CLOCK_CORRECTION_ADJUSTMENT_MAX_OFFSET" default:"90" min:"0" max:"10000" help:"Milliseconds of drift from which as much as possible is corrected."`
	ClockCorrectionMaxAmount int  `name:"pipes-clock-correction-adjustment-max-amount" env:"CULM_PIPES_CLOCK_CORRECTION_ADJUSTMENT_MAX_AMOUNT" default:"200" min:"1" max:"999" help:"Milliseconds that are corrected per second at most."`
}

// Default returns the settings as they are when nothing is said.
func Default() Settings {
	var s Settings
	for _, e := range s.entries() {
		if err := e.parse(e.tag("default")); err != nil {
			panic(err) // a default of this file that is no value; a test sets them all
		}
	}
	return s
}

// Validate returns an error that names the setting to change if one is out of
// its range or two do not go together.
func (s Settings) Validate() error {
	for _, e := range s.entries() {
		if err := e.check(); err != nil {
			return fmt.Errorf("%s: %w", e.name(), err)
		}
	}
	if s.MinUpdateRate > s.MaxUpdateRate {
		return fmt.Errorf("pipes-minupdaterate is %d and pipes-maxupdaterate only %d: lower the one or raise the other", s.MinUpdateRate, s.MaxUpdateRate)
	}
	if s.MinUpdateRate > s.TickRate {
		return fmt.Errorf("pipes-minupdaterate is %d and pipes-tickrate only %d, and there is one snapshot in a tick: lower the one or raise the other", s.MinUpdateRate, s.TickRate)
	}
	if err := s.Clock().Validate(); err != nil {
		return fmt.Errorf("pipes-clock-…: %w", err)
	}
	return nil
}

// Clock returns the settings of a client's clock. Its rate is the one set here;
// a client learns the server's in the answer to its hello.
func (s Settings) Clock() netclock.Settings {
	c := netclock.DefaultSettings()
	c.TickRate = netclock.Rate(s.TickRate)
	c.Correction = s.ClockCorrection
	c.DriftMax = milliseconds(s.ClockDriftMax)
	c.MinOffset = milliseconds(s.ClockCorrectionMinOffset)
	c.MaxOffset = milliseconds(s.ClockCorrectionMaxOffset)
	c.MaxAmount = milliseconds(s.ClockCorrectionMaxAmount)
	return c
}

// Interpolation returns the least delay of interpolation and how many snapshots
// it has at least, as client.Config takes them: 0 would be the default there, so
// that none is negative.
func (s Settings) Interpolation() (delay time.Duration, ratio float64) {
	delay, ratio = seconds(s.Interp), s.InterpRatio
	if delay == 0 {
		delay = -1
	}
	if ratio == 0 {
		ratio = -1
	}
	return delay, ratio
}

// Ping returns the time between a client's pings.
func (s Settings) Ping() time.Duration { return seconds(s.PingInterval) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
