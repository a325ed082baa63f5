//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

func TestSignals(t *testing.T) {
	for name, c := range map[string]struct {
		mode    string
		signals map[string]syscall.Signal // what is sent when a line comes
		want    []string
		killed  bool
	}{
		"SIGTERM drains": {"polite", map[string]syscall.Signal{"up": syscall.SIGTERM}, []string{"up", "draining", "stopped"}, false},
		"SIGINT drains":  {"polite", map[string]syscall.Signal{"up": syscall.SIGINT}, []string{"up", "draining", "stopped"}, false},
		"SIGHUP reloads": {
			"polite", map[string]syscall.Signal{"up": syscall.SIGHUP, "reloading": syscall.SIGTERM},
			[]string{"up", "reloading", "draining", "stopped"}, false,
		},
		"the second one kills": {
			"stubborn", map[string]syscall.Signal{"up": syscall.SIGINT, "draining": syscall.SIGINT},
			[]string{"up", "draining"}, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), serveInChild+"="+c.mode)
			cmd.Stderr = os.Stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var got []string
			lines := bufio.NewScanner(stdout)
			for lines.Scan() {
				got = append(got, lines.Text())
				if s, ok := c.signals[lines.Text()]; ok {
					if err := cmd.Process.Signal(s); err != nil {
						t.Fatal(err)
					}
				}
			}
			err = cmd.Wait()
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if killed := status.Signaled(); killed != c.killed || !killed && err != nil {
				t.Errorf("ended with %v, want killed %v", cmd.ProcessState, c.killed)
			}
		})
	}
}
