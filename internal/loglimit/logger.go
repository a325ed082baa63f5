package loglimit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Logger writes limited messages to a [slog.Logger]. It is safe for concurrent
// use.
type Logger struct {
	log *slog.Logger

	mu      sync.Mutex
	limiter *Limiter
}

// NewLogger returns a logger that writes to log at most one message per
// interval for each key, for at most keys of them at a time; see [NewLimiter].
func NewLogger(log *slog.Logger, interval time.Duration, keys int) *Logger {
	return &Logger{log: log, limiter: NewLimiter(interval, keys)}
}

// Log writes msg unless one with this key was written less than an interval
// ago. When messages were left out in between, the attribute "left_out" says
// how many.
func (l *Logger) Log(level slog.Level, key, msg string, attrs ...slog.Attr) {
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	l.mu.Lock()
	leftOut, ok := l.limiter.Allow(time.Now(), key)
	l.mu.Unlock()
	if !ok {
		return
	}
	if leftOut > 0 {
		attrs = append(attrs[:len(attrs):len(attrs)], slog.Uint64("left_out", leftOut))
	}
	l.log.LogAttrs(ctx, level, msg, attrs...)
}

// Flush writes what was left out and not yet said, one message per key. Call
// it from time to time and at the end, so that the last burst is counted too.
func (l *Logger) Flush() {
	type count struct {
		key string
		n   uint64
	}
	var counts []count
	l.mu.Lock()
	l.limiter.TakeLeftOut(func(key string, n uint64) { counts = append(counts, count{key, n}) })
	l.mu.Unlock()
	for _, c := range counts {
		if c.key == "" {
			c.key = "others"
		}
		l.log.Info("log messages were left out", "key", c.key, "left_out", c.n)
	}
}
