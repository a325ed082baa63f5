package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// syncBuffer is a buffer that a test reads while a server writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

type testStats struct {
	Clients int `metric:"clients" help:"Clients that are connected."`
}

// testRole serves until its context is done, and closes up when it does.
func testRole() (r role, up chan struct{}) {
	up = make(chan struct{})
	return role{
		name: "test",
		serve: func(ctx context.Context) error {
			close(up)
			<-ctx.Done()
			return nil
		},
		stats: func() any { return testStats{Clients: 3} },
	}, up
}

func TestServeDrains(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	var out syncBuffer
	r, up := testRole()
	health := func() int {
		addr := regexp.MustCompile(`addr=(\S+)`).FindStringSubmatch(out.String())
		if addr == nil {
			t.Fatalf("the log does not say where the metrics are: %s", out.String())
		}
		resp, err := http.Get("http://" + addr[1] + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	r.drain = func(ctx context.Context) error {
		if got := health(); got != http.StatusServiceUnavailable {
			t.Errorf("/healthz says %d while draining", got)
		}
		if ctx.Err() != nil {
			t.Errorf("no time to drain: %v", ctx.Err())
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	f := serveFlags{Metrics: "127.0.0.1:0", DrainTimeout: time.Minute}
	go func() { done <- f.run(ctx, newLog(&out, "text", "info"), r) }()
	<-up
	if got := health(); got != http.StatusOK {
		t.Errorf("/healthz says %d while serving", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("got error %v", err)
	}
	for _, want := range []string{"msg=draining because=\"context canceled\"", "msg=stopped clients=3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, out.String())
		}
	}
}

func TestServeErrors(t *testing.T) {
	broken := errors.New("the network is gone")
	for name, c := range map[string]struct {
		serve, drain error
		want         error
		log          string
	}{
		"serving fails":      {serve: broken, want: broken},
		"draining fails":     {drain: broken, want: broken},
		"clients are slow":   {drain: context.DeadlineExceeded, log: "not all clients"},
		"the role just ends": {},
	} {
		t.Run(name, func(t *testing.T) {
			var out syncBuffer
			drained := false
			err := (&serveFlags{}).run(t.Context(), newLog(&out, "text", "info"), role{
				name:  "test",
				serve: func(context.Context) error { return c.serve },
				drain: func(context.Context) error { drained = true; return c.drain },
				stats: func() any { return testStats{} },
			})
			if !errors.Is(err, c.want) || !strings.Contains(out.String(), c.log) || !drained {
				t.Errorf("got error %v, drained %v, log:\n%s", err, drained, out.String())
			}
		})
	}
}

func TestServeStatus(t *testing.T) {
	r, _ := testRole()
	asked := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	r.stats = func() any {
		select {
		case asked <- struct{}{}:
		case <-ctx.Done():
		}
		return testStats{Clients: 3}
	}
	var out syncBuffer
	done := make(chan error)
	go func() { done <- (&serveFlags{StatusEvery: time.Millisecond}).run(ctx, newLog(&out, "text", "info"), r) }()
	<-asked
	<-asked // the first one was logged
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "msg=status clients=3") {
		t.Errorf("no status in the log:\n%s", out.String())
	}
}

func TestServeRefusesMetricsAddress(t *testing.T) {
	r, up := testRole()
	err := (&serveFlags{Metrics: "9100"}).run(t.Context(), slog.New(slog.DiscardHandler), r)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:9100") {
		t.Errorf("got error %v", err)
	}
	select {
	case <-up:
		t.Error("serves although the metrics cannot be")
	default:
	}
}
