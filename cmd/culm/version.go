package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

type versionCommand struct{}

func (versionCommand) Run(e *env) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	fmt.Fprint(e.stdout, versionText(info))
	return nil
}

// versionText is a line each for the module's version, the commit it was built
// from, and the Go version and platform. A build without VCS information (by
// go run, with -buildvcs=false, or of a downloaded module) says so.
func versionText(info *debug.BuildInfo) string {
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := "unknown (built without VCS information)"
	if r := settings["vcs.revision"]; r != "" {
		parts := []string{r}
		if t := settings["vcs.time"]; t != "" {
			parts = append(parts, t)
		}
		if settings["vcs.modified"] == "true" {
			parts = append(parts, "with local changes")
		}
		revision = strings.Join(parts, ", ")
	}
	return fmt.Sprintf("culm %s\nrevision %s\n%s %s/%s\n", version, revision, info.GoVersion, runtime.GOOS, runtime.GOARCH)
}
