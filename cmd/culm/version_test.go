package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestVersionText(t *testing.T) {
	built := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: version}, Settings: settings}
	}
	platform := "go1.26.8 " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
	for name, c := range map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"checkout": {
			built("v0.2.0", debug.BuildSetting{Key: "vcs.revision", Value: "c64e2e7"},
				debug.BuildSetting{Key: "vcs.time", Value: "2026-11-20T11:45:00Z"},
				debug.BuildSetting{Key: "vcs.modified", Value: "false"}),
			"culm v0.2.0\nrevision c64e2e7, 2026-11-20T11:45:00Z\n",
		},
		"changed checkout": {
			built("(devel)", debug.BuildSetting{Key: "vcs.revision", Value: "c64e2e7"},
				debug.BuildSetting{Key: "vcs.modified", Value: "true"}),
			"culm (devel)\nrevision c64e2e7, with local changes\n",
		},
		"module":  {built("v0.2.0"), "culm v0.2.0\nrevision unknown (built without VCS information)\n"},
		"nothing": {built(""), "culm (devel)\nrevision unknown (built without VCS information)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := versionText(c.info); got != c.want+platform {
				t.Errorf("got\n%swant\n%s", got, c.want+platform)
			}
		})
	}
}
