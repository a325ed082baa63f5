package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/culm-net/culm/pipes/settings"
)

// settingsFlags are the settings of the snapshot protocol, for commands to embed.
type settingsFlags struct {
	PipesConfig string            `name:"pipes-config" placeholder:"FILE" help:"YAML file with settings of the snapshot protocol, such as \"pipes-tickrate: 30\"."`
	Settings    settings.Settings `embed:"" group:"Settings of the snapshot protocol:"`
}

// settingsHelp is for the help of such commands.
const settingsHelp = "A setting is taken from its flag, else from its environment variable, else from the file of --pipes-config, else its default."

// showDefaults has the help tell other defaults than usual, as read takes them.
func (f *settingsFlags) showDefaults(parsed *kong.Context, defaults ...string) {
	for _, flag := range parsed.Flags() {
		if i := slices.Index(defaults, flag.Name); i >= 0 && i%2 == 0 {
			flag.Default = defaults[i+1]
		}
	}
}

// read returns the settings that hold. defaults are names and values of settings
// that have another default than usual.
func (f *settingsFlags) read(parsed *kong.Context, defaults ...string) (settings.Settings, error) {
	s := settings.Default()
	for i := 0; i+1 < len(defaults); i += 2 {
		if err := s.Set(defaults[i], defaults[i+1]); err != nil {
			return s, err
		}
	}
	if f.PipesConfig != "" {
		document, err := os.ReadFile(f.PipesConfig)
		if err != nil {
			return s, err
		}
		if err := s.YAML(f.PipesConfig, document); err != nil {
			return s, err
		}
	}
	if err := s.Environ(os.Environ()); err != nil {
		return s, err
	}
	// The parser has put flags, environment and defaults into f.Settings alike;
	// which of them came from the command line only its path tells.
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Flag.Group == nil || p.Flag.Name == "pipes-config" {
			continue
		}
		if err := s.Set(p.Flag.Name, fmt.Sprint(p.Flag.Target.Interface())); err != nil {
			return s, usageErrorf("--%w", err)
		}
	}
	if err := s.Validate(); err != nil {
		return s, usageError{err}
	}
	return s, nil
}
