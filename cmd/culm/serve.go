package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/culm-net/culm/internal/console"
)

// serveFlags are the flags of every command that serves; embed it.
type serveFlags struct {
	Metrics      string        `placeholder:"HOST:PORT" help:"Serve /metrics (Prometheus), /healthz and, on a loopback address, /debug/pprof/ over HTTP here."`
	StatusEvery  time.Duration `default:"0s" placeholder:"DURATION" help:"Log the counters this often; 0 means never (${default})."`
	DrainTimeout time.Duration `default:"5s" placeholder:"DURATION" help:"How long clients are given to take what is still to be sent to them at the end (${default})."`
}

// Validate is called by the parser.
func (f *serveFlags) Validate() error {
	if f.StatusEvery < 0 || f.DrainTimeout < 0 {
		return errors.New("--status-every and --drain-timeout must not be negative")
	}
	return nil
}

// role is what a serving command runs.
type role struct {
	// name is the middle of its metrics' names, as in culm_lan_clients.
	name string
	// serve lets clients in until ctx is done and then returns nil.
	serve func(ctx context.Context) error
	// drain is called after ctx of serve is done: it tells the clients,
	// sends what is still to be sent, and closes them. When its ctx is done it
	// closes them at once. It may be nil.
	drain func(ctx context.Context) error
	// stats returns a stats struct as package console describes it, always
	// of one type, from any goroutine.
	stats func() any
	// others are further roles in the same process.
	others []counted
	// reload reads files like certificates again; nil without any. When it
	// fails, what was read before stays in use.
	reload func() error
}

// counted is what has counters: a name and stats as in a role.
type counted struct {
	name  string
	stats func() any
}

// counters lists all roles of the process.
func (r *role) counters() []counted {
	return append([]counted{{r.name, r.stats}}, r.others...)
}

// run serves until ctx is done, a signal asks to end, or the role fails, and
// then drains. All goroutines of its own have ended when it returns.
func (f *serveFlags) run(ctx context.Context, log *slog.Logger, r role) (err error) {
	ctx, stop := interruptible(ctx)
	defer stop()

	var web *console.Server
	if f.Metrics != "" {
		if web, err = console.Listen(f.Metrics, log); err != nil {
			return err
		}
		for _, c := range r.counters() {
			if err := web.Register(c.name, c.stats); err != nil {
				return errors.Join(err, web.Close())
			}
		}
		log.Info("serving metrics", "addr", web.Addr().String(), "profiles", web.Loopback())
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := web.Serve(); err != nil {
				log.Error("metrics are no longer served", "err", err)
			}
		})
		defer serving.Wait()
		defer web.Close()
	}
	if r.reload != nil {
		defer onReload(func() {
			if err := r.reload(); err != nil {
				log.Error("reload failed, the old files stay in use", "err", err)
				return
			}
			log.Info("reloaded")
		})()
	}
	if f.StatusEvery > 0 {
		defer every(f.StatusEvery, func() { r.logStats(log, "status") })()
	}

	served := make(chan error, 1)
	serveCtx, leave := context.WithCancel(ctx)
	defer leave()
	go func() { served <- r.serve(serveCtx) }()
	select {
	case err = <-served:
		served <- nil // for the wait below
	case <-ctx.Done():
		log.Info("draining", "because", context.Cause(ctx), "timeout", f.DrainTimeout.String())
	}

	leave()
	if web != nil {
		web.Drain()
	}
	if r.drain != nil {
		drainCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.DrainTimeout)
		defer cancel()
		drainErr := r.drain(drainCtx)
		if errors.Is(drainErr, context.DeadlineExceeded) {
			log.Warn("not all clients took what was sent to them in time", "timeout", f.DrainTimeout.String())
			drainErr = nil
		}
		err = errors.Join(err, drainErr)
	}
	err = errors.Join(err, <-served)
	r.logStats(log, "stopped")
	return err
}

// every calls f at each interval until stop. When stop returns, f is not
// running and will not be called again.
func every(interval time.Duration, f func()) (stop func()) {
	ticker := time.NewTicker(interval)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ticker.C:
				f()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(quit)
		<-done
	}
}

// logStats logs the counters of each role. Where there are several, each line
// names one.
func (r *role) logStats(log *slog.Logger, msg string) {
	for _, c := range r.counters() {
		attrs, err := console.Attrs(c.stats())
		if err != nil {
			log.Error("the counters cannot be shown", "err", err)
			return
		}
		if len(r.others) > 0 {
			attrs = append([]slog.Attr{slog.String("role", c.name)}, attrs...)
		}
		log.LogAttrs(context.Background(), slog.LevelInfo, msg, attrs...)
	}
}
