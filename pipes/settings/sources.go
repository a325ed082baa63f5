package settings

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// envPrefix is what the names of the environment's variables begin with. What
// begins with it and is no setting is an error: most likely a slip.
const envPrefix = "CULM_PIPES_"

// Set sets the setting of a name, for example pipes-tickrate. The error says that
// there is none, or that it cannot have the value.
func (s *Settings) Set(name, value string) error {
	entries := s.entries()
	i := slices.IndexFunc(entries, func(e entry) bool { return e.name() == name })
	if i < 0 {
		return fmt.Errorf("%q is no setting%s", name, suggest(name, entries, "name"))
	}
	if err := entries[i].Set(value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Flags adds a flag for each setting to fs, which sets it in s. The flags show
// what s has now as their defaults, but for the password, so read files and the
// environment before.
func (s *Settings) Flags(fs *flag.FlagSet) {
	for _, e := range s.entries() {
		fs.Var(e, e.name(), e.tag("help"))
		if e.tag("secret") != "" {
			fs.Lookup(e.name()).DefValue = ""
		}
	}
}

// Parse returns the settings that a program was started with, which go together:
// from args, its command line without the program's name, else from environ, in the
// form of os.Environ, else from the file of -pipes-config, else the defaults. It adds
// the flags of the settings, and -pipes-config, to those that the program already has
// in fs, and parses them all.
func Parse(fs *flag.FlagSet, args, environ []string) (Settings, error) {
	s, said := Default(), Default()
	if err := s.Environ(environ); err != nil {
		return s, err
	}
	file := fs.String(fileFlag, "", "YAML file with settings, such as \"pipes-tickrate: 30\"")
	s.Flags(fs)
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if *file == "" {
		return s, s.Validate()
	}
	// Which one it is was known only now, but it counts least.
	document, err := os.ReadFile(*file)
	if err != nil {
		return s, fmt.Errorf("-%s: %w", fileFlag, err)
	}
	if err := said.YAML(*file, document); err != nil {
		return s, err
	}
	if err := said.Environ(environ); err != nil {
		return s, err
	}
	fs.Visit(func(f *flag.Flag) {
		if e, ok := f.Value.(entry); ok {
			err = errors.Join(err, said.Set(e.name(), e.String()))
		}
	})
	return said, errors.Join(err, said.Validate())
}

const fileFlag = "pipes-config"

// Environ sets what an environment says, in the form of os.Environ. It returns an
// error for a value that a setting can't have, and for variables that look like
// settings and are none.
func (s *Settings) Environ(environ []string) error {
	entries := s.entries()
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		i := slices.IndexFunc(entries, func(e entry) bool { return e.tag("env") == name })
		if i < 0 {
			return fmt.Errorf("the environment's %s is no setting%s", name, suggest(name, entries, "env"))
		}
		if err := entries[i].Set(value); err != nil {
			return fmt.Errorf("the environment's %s: %w", name, err)
		}
	}
	return nil
}

// YAML sets what a YAML document says, a mapping of settings to values. The name
// of its file is for errors, which also tell the line: unknown and repeated keys,
// and values that a setting can't have. On error s is partly set.
func (s *Settings) YAML(file string, document []byte) error {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(root.Content) == 0 {
		return nil // an empty file, or comments only
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: a file of settings has lines like \"pipes-tickrate: 66\"", file, top.Line)
	}
	entries := s.entries()
	seen := map[string]int{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		at := fmt.Sprintf("%s:%d: ", file, key.Line)
		k := slices.IndexFunc(entries, func(e entry) bool { return e.name() == key.Value })
		switch line, again := seen[key.Value]; {
		case again:
			return fmt.Errorf("%s%s was set in line %d already", at, key.Value, line)
		case k < 0:
			return fmt.Errorf("%s%q is no setting%s", at, key.Value, suggest(key.Value, entries, "name"))
		case value.Kind != yaml.ScalarNode:
			return fmt.Errorf("%s%s takes one value", at, key.Value)
		}
		seen[key.Value] = key.Line
		if err := entries[k].Set(value.Value); err != nil {
			return fmt.Errorf("%s%s: %w", at, key.Value, err)
		}
	}
	return nil
}

// suggest says which setting may have been meant: the one that begins like the
// name for longest.
func suggest(name string, entries []entry, tag string) string {
	best, length := "", 0
	for _, e := range entries {
		candidate := e.tag(tag)
		n := 0
		for n < min(len(name), len(candidate)) && name[n] == candidate[n] {
			n++
		}
		if n > length {
			best, length = candidate, n
		}
	}
	if length <= len("pipes-") || length <= len(envPrefix) && tag == "env" {
		return ""
	}
	return "; is it " + best + "?"
}
