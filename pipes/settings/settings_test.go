package settings

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/netclock"
)

func TestDefaultsAreThoseOfTheReadme(t *testing.T) {
	s := Default()
	want := Settings{
		TickRate: 66, MaxUpdateRate: 255, MinUpdateRate: 1, MaxClients: 24, SnapshotHistory: 50, Port: 27016,
		UpdateRate: 20, CommandRate: 100, Interp: 0.1, InterpRatio: 2, PingInterval: 0.5,
		ClockCorrection: true, ClockDriftMax: 150, ClockCorrectionMinOffset: 10, ClockCorrectionMaxOffset: 90, ClockCorrectionMaxAmount: 200,
	}
	if s != want {
		t.Errorf("the defaults are %+v", s)
	}
	if err := s.Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	if s.Clock() != netclock.DefaultSettings() {
		t.Errorf("the clock's settings are %+v, those of netclock %+v", s.Clock(), netclock.DefaultSettings())
	}
}

// The variable's name follows from the setting's, so that nobody has to look it up.
func TestVariablesAreNamedAfterSettings(t *testing.T) {
	s := Default()
	for _, e := range s.entries() {
		want := "CULM_" + strings.ToUpper(strings.ReplaceAll(e.name(), "-", "_"))
		if e.tag("env") != want {
			t.Errorf("%s has the variable %s, want %s", e.name(), e.tag("env"), want)
		}
		if e.tag("help") == "" {
			t.Errorf("%s has no help", e.name())
		}
	}
}

func TestSources(t *testing.T) {
	s := Default()
	if err := s.YAML("game.yml", []byte("# ours\npipes-tickrate: 30\npipes-password: \"007\"\npipes-clock-correction: false\npipes-updaterate: 10\n")); err != nil {
		t.Fatal(err)
	}
	if err := s.Environ([]string{"HOME=/", "CULM_PIPES_UPDATERATE=15", "CULM_PIPES_INTERP=0.25"}); err != nil {
		t.Fatal(err)
	}
	fs := flag.NewFlagSet("game", flag.ContinueOnError)
	s.Flags(fs)
	if err := fs.Parse([]string{"-pipes-interp", "0.5", "--pipes-max-clients=100", "-pipes-clock-correction"}); err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.TickRate, want.Password, want.UpdateRate, want.Interp, want.MaxClients = 30, "007", 15, 0.5, 100
	if s != want {
		t.Errorf("the settings are %+v, want %+v", s, want)
	}
	if c := s.Clock(); c.TickRate != 30 || c.DriftMax != 150*time.Millisecond {
		t.Errorf("the clock's settings are %+v", c)
	}
}

func TestErrors(t *testing.T) {
	yaml := func(document string) func(*Settings) error {
		return func(s *Settings) error { return s.YAML("game.yml", []byte(document)) }
	}
	environ := func(variable string) func(*Settings) error {
		return func(s *Settings) error { return s.Environ([]string{variable}) }
	}
	flags := func(args ...string) func(*Settings) error {
		return func(s *Settings) error {
			fs := flag.NewFlagSet("game", flag.ContinueOnError)
			fs.SetOutput(io.Discard)
			s.Flags(fs)
			return fs.Parse(args)
		}
	}
	for name, c := range map[string]struct {
		read func(*Settings) error
		want string
	}{
		"unknown key":      {yaml("a: 1"), `game.yml:1: "a" is no setting`},
		"slip":             {yaml("\npipes-tickrat: 66"), `game.yml:2: "pipes-tickrat" is no setting; is it pipes-tickrate?`},
		"twice":            {yaml("pipes-port: 1\npipes-port: 2"), "game.yml:2: pipes-port was set in line 1 already"},
		"list":             {yaml("pipes-port: [1]"), "game.yml:1: pipes-port takes one value"},
		"no mapping":       {yaml("- 1"), `game.yml:1: a file of settings has lines like "pipes-tickrate: 66"`},
		"no YAML":          {yaml("\ta: ["), "game.yml: yaml: found character that cannot start any token"},
		"out of range":     {yaml("pipes-tickrate: 0"), "game.yml:1: pipes-tickrate: it is 0, and must be from 1 to 1000"},
		"not a number":     {environ("CULM_PIPES_TICKRATE=fast"), `the environment's CULM_PIPES_TICKRATE: "fast" is not a whole number`},
		"NaN":              {environ("CULM_PIPES_INTERP=NaN"), "the environment's CULM_PIPES_INTERP: it is NaN, and must be from 0 to 10"},
		"no truth":         {environ("CULM_PIPES_CLOCK_CORRECTION=maybe"), `the environment's CULM_PIPES_CLOCK_CORRECTION: "maybe" is neither true nor false`},
		"unknown variable": {environ("CULM_PIPES_TICK_RATE=1"), "the environment's CULM_PIPES_TICK_RATE is no setting; is it CULM_PIPES_TICKRATE?"},
		"set":              {func(s *Settings) error { return s.Set("pipes-tickrate", "2000") }, "pipes-tickrate: it is 2000, and must be from 1 to 1000"},
		"set nothing":      {func(s *Settings) error { return s.Set("pipes-tickrat", "1") }, `"pipes-tickrat" is no setting; is it pipes-tickrate?`},
		"flag":             {flags("-pipes-interp=x"), `invalid value "x" for flag -pipes-interp: "x" is not a number`},
	} {
		t.Run(name, func(t *testing.T) {
			s := Default()
			if err := c.read(&s); err == nil || err.Error() != c.want {
				t.Errorf("the error is %v, want %s", err, c.want)
			}
		})
	}
}

func TestSettingsThatDoNotGoTogether(t *testing.T) {
	s := Default()
	s.MinUpdateRate, s.MaxUpdateRate = 30, 20
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "pipes-minupdaterate is 30 and pipes-maxupdaterate only 20") {
		t.Errorf("rates that exclude each other: %v", err)
	}
	s = Default()
	s.MinUpdateRate, s.TickRate = 30, 20
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "pipes-minupdaterate is 30 and pipes-tickrate only 20") {
		t.Errorf("more snapshots than ticks: %v", err)
	}
	s = Default()
	s.TickRate = 0
	if err := s.Validate(); err == nil || err.Error() != "pipes-tickrate: it is 0, and must be from 1 to 1000" {
		t.Errorf("a tick rate of 0: %v", err)
	}
	s = Default()
	s.ClockCorrectionMinOffset = 100
	if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), "pipes-clock-…: ") {
		t.Errorf("offsets that exclude each other: %v", err)
	}
}

// The usage shows what holds, but no secret.
func TestUsage(t *testing.T) {
	s := Default()
	s.Password, s.TickRate = "open sesame", 31
	fs := flag.NewFlagSet("game", flag.ContinueOnError)
	var usage strings.Builder
	fs.SetOutput(&usage)
	s.Flags(fs)
	fs.PrintDefaults()
	if !strings.Contains(usage.String(), "(default 31)") || strings.Contains(usage.String(), "sesame") {
		t.Errorf("the usage is\n%s", usage.String())
	}
	if s.Password != "open sesame" {
		t.Errorf("the password has become %q", s.Password)
	}
}

// What is set to nothing is not the default of package client.
func TestForClients(t *testing.T) {
	s := Default()
	if delay, ratio := s.Interpolation(); delay != 100*time.Millisecond || ratio != 2 || s.Ping() != 500*time.Millisecond {
		t.Errorf("by default %v, %v, %v", delay, ratio, s.Ping())
	}
	s.Interp, s.InterpRatio = 0, 0
	if delay, ratio := s.Interpolation(); delay >= 0 || ratio >= 0 {
		t.Errorf("none is %v, %v", delay, ratio)
	}
}

// Of the flag, the variable, the file and the default the first that is there
// counts, also when it says what is the default.
func TestParse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "game.yml")
	text := "pipes-tickrate: 30\npipes-updaterate: 31\npipes-cmdrate: 32\npipes-clock-correction: false\npipes-password: from the file\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	parse := func(environ []string, args ...string) (Settings, error) {
		fs := flag.NewFlagSet("game", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		fs.String("name", "", "")
		return Parse(fs, args, environ)
	}
	environ := []string{"CULM_PIPES_UPDATERATE=20", "CULM_PIPES_CMDRATE=40", "CULM_PIPES_INTERP=0.25", "HOME=/"}
	got, err := parse(environ, "-pipes-config", file, "-name=x", "-pipes-cmdrate=100", "-pipes-clock-correction", "-pipes-password=")
	want := Default()
	want.TickRate = 30     // from the file
	want.UpdateRate = 20   // from the environment
	want.CommandRate = 100 // from the flag
	want.Interp = 0.25
	if err != nil || got != want {
		t.Errorf("%v, got  %+v\nwant %+v", err, got, want)
	}
	got, err = parse(environ, "-pipes-cmdrate=100")
	want.TickRate = 66
	if err != nil || got != want {
		t.Errorf("without a file: %v, got  %+v\nwant %+v", err, got, want)
	}

	if err := os.WriteFile(file, []byte("pipes-maxupdaterate: 10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		environ, args []string
		want          string
	}{
		"environment": {[]string{"CULM_PIPES_TICKRATE=fast"}, nil, "CULM_PIPES_TICKRATE"},
		"flag":        {nil, []string{"-pipes-tickrate=fast"}, "-pipes-tickrate"},
		"no file":     {nil, []string{"-pipes-config", file + "x"}, "-pipes-config: "},
		"together":    {[]string{"CULM_PIPES_MINUPDATERATE=20"}, []string{"-pipes-config", file}, "pipes-minupdaterate is 20 and pipes-maxupdaterate only 10"},
		"in the end":  {[]string{"CULM_PIPES_MINUPDATERATE=67"}, nil, "pipes-minupdaterate is 67 and pipes-tickrate only 66"},
	} {
		if _, err := parse(c.environ, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %s", name, err, c.want)
		}
	}
}

// ExampleParse reads a game's settings from the command line, the environment and
// a file.
func ExampleParse() {
	s, err := Parse(flag.CommandLine, os.Args[1:], os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	_ = s.TickRate
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte("pipes-tickrate: 30\npipes-password: x"))
	f.Add([]byte("a: &b [*b]"))
	f.Add([]byte("pipes-interp: .inf"))
	f.Fuzz(func(t *testing.T, document []byte) {
		s := Default()
		if s.YAML("f", document) == nil {
			for _, e := range s.entries() {
				if err := e.check(); err != nil {
					t.Errorf("accepted: %v", err)
				}
			}
		}
	})
}
