//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onReload calls f for each SIGHUP, one call at a time, until stop. When stop
// returns, f is not running and will not be called again.
func onReload(f func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range signals {
			f()
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}
