package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/culm-net/culm/pipes/settings"
)

// readSettings is what a command makes of its flags.
func readSettings(t *testing.T, args ...string) (settings.Settings, error) {
	t.Helper()
	var c settingsFlags
	parser, err := kong.New(&c, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	return c.read(parsed, "pipes-port", "0")
}

// Of the flag, the variable, the file and the default the first that is there
// counts, also when it says what is the default.
func TestSettingsPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "game.yml")
	text := "pipes-tickrate: 30\npipes-updaterate: 31\npipes-cmdrate: 32\npipes-clock-correction: false\npipes-password: from the file\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CULM_PIPES_UPDATERATE", "20") // the default, but said
	t.Setenv("CULM_PIPES_CMDRATE", "40")
	t.Setenv("CULM_PIPES_INTERP", "0.25")
	got, err := readSettings(t, "--pipes-config", file, "--pipes-cmdrate=100", "--pipes-interp-ratio", "3.5", "--pipes-clock-correction", "--pipes-password=")
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Default()
	want.Port = 0          // the command's own default
	want.TickRate = 30     // from the file
	want.UpdateRate = 20   // from the environment
	want.CommandRate = 100 // from the flag
	want.Interp, want.InterpRatio = 0.25, 3.5
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
