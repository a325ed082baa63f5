package main

import (
	"context"
	"os"
	"time"
)

// serveInChild, set to anything, makes the test binary a server whose signals
// can be tested.
const serveInChild = "CULM_TEST_SERVE"

// serveForSignals prints what happens to it, line by line. It drains for as
// long as the second signal is missing when the variable says "stubborn".
func serveForSignals() int {
	say := func(s string) { os.Stdout.WriteString(s + "\n") }
	f := serveFlags{DrainTimeout: time.Hour}
	err := f.run(context.Background(), newLog(os.Stderr, "text", "error"), role{
		name: "test",
		serve: func(ctx context.Context) error {
			say("up")
			<-ctx.Done()
			return nil
		},
		drain: func(ctx context.Context) error {
			say("draining")
			if os.Getenv(serveInChild) == "stubborn" {
				<-ctx.Done()
			}
			return nil
		},
		stats:  func() any { return testStats{} },
		reload: func() error { say("reloading"); return nil },
	})
	if err != nil {
		return exitFailed
	}
	say("stopped")
	return exitDone
}
