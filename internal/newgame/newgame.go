// Package newgame writes the folder of a new game that runs at once: a DC file,
// a configuration for "culm serve", and an AI and a bot in Go. What it writes
// is a part of this module, so that it is built and tested with it.
package newgame

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
)

//go:embed template
var template embed.FS

// ErrNotEmpty says that there is something in the folder already.
var ErrNotEmpty = errors.New("is not empty: choose another folder")

// Write writes the folder and returns the files' names, with slashes and
// relative to it. The folder must not be there, or be empty, else the error is
// [ErrNotEmpty]; all others are of the file system.
func Write(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s %w", dir, ErrNotEmpty)
	}
	files, err := fs.Sub(template, "template")
	if err != nil {
		return nil, err
	}
	if err := copyTo(dir, files); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(goMod(version())), 0o666); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	return names, err
}

// copyTo writes the files. What imports something of the template imports it from
// the game's module then.
func copyTo(dir string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(path, 0o777)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(path, bytes.ReplaceAll(text, []byte(`"github.com/culm-net/culm/internal/newgame/template/`), []byte(`"game/`)), 0o666)
	})
}

// goMod is the module file. Without a version "go mod tidy" finds the latest.
func goMod(version string) string {
	text := "module game\n\ngo 1.26.0\n"
	if version != "" {
		text += "\nrequire github.com/culm-net/culm " + version + "\n"
	}
	return text
}

// version is that of this module in the program, or empty if it was built from
// a working tree.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == "github.com/culm-net/culm" && info.Main.Version != "(devel)" && info.Main.Version != "" {
		return info.Main.Version
	}
	return ""
}
