package landemo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The watcher must come to see all walkers, in the zone that they are in, and
// hear them talk; each guest must see those in its zone only.
func TestParty(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := NewParty(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	crossed := make(map[string]uint32)
	crossings := 0
	for {
		v := p.View()
		good := len(v.Walkers) == len(names) && v.Spoken > 3 && v.PerSecond > 0 && v.P50 > 0 && v.P99 >= v.P50
		counts := map[uint32]int{}
		for i, w := range v.Walkers {
			counts[w.Zone]++
			good = good && w.Name == names[i]
			if before := crossed[w.Name]; before != 0 && before != w.Zone {
				crossings++
			}
			crossed[w.Name] = w.Zone
		}
		for _, w := range v.Walkers {
			good = good && w.Sees == counts[w.Zone]-1
		}
		if good && crossings > 0 {
			break
		}
		select {
		case err := <-p.Failed():
			t.Fatal(err)
		case <-ctx.Done():
			t.Fatalf("after a minute, and %d crossings, the watcher sees %+v", crossings, v)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestPrint(t *testing.T) {
	p, err := NewParty(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var text strings.Builder
	lines := writerFunc(func(b []byte) (int, error) {
		text.Write(b)
		if strings.Contains(text.String(), "12 walkers") {
			cancel()
		}
		return len(b), nil
	})
	if err := Print(ctx, p, 0, lines); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "\x1b") {
		t.Errorf("plain lines have escape codes: %q", text.String())
	}
	text.Reset()
	if err := Print(t.Context(), p, time.Nanosecond, &text); err != nil || strings.Count(text.String(), "walkers, ") != 1 {
		t.Errorf("a time that is over: %v, %q", err, text.String())
	}
	full := errors.New("no space left on device")
	if err := Print(t.Context(), p, 0, writerFunc(func([]byte) (int, error) { return 0, full })); !errors.Is(err, full) {
		t.Errorf("lost output: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// A party whose server fails must say so, and end.
func TestPartyFails(t *testing.T) {
	p, err := NewParty(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.guests[3].client.Disconnect() // not by the party's wish
	if err := Print(t.Context(), p, 0, io.Discard); err == nil || !strings.Contains(err.Error(), names[3]) {
		t.Errorf("got %v", err)
	}
}

func TestRing(t *testing.T) {
	var r ring
	if r.quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for i := range ringSize * 3 / 2 {
		r.add(time.Duration(i))
	}
	if lo, hi := r.quantile(0), r.quantile(1); lo != ringSize/2 || hi != ringSize*3/2-1 {
		t.Errorf("the ring has %d to %d", lo, hi)
	}
}

func TestRate(t *testing.T) {
	var r rate
	if got := r.of(0, 100); got != 0 {
		t.Errorf("at first %v", got)
	}
	for i := 1; i <= 40; i++ {
		if got := r.of(time.Duration(i)*100*time.Millisecond, uint64(100+50*i)); fmt.Sprintf("%.3f", got) != "500.000" {
			t.Errorf("after %d: %v", i, got)
		}
	}
	if len(r.samples) > 12 {
		t.Errorf("%d samples are kept", len(r.samples))
	}
}
