package walkers

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPrint(t *testing.T) {
	p := &stage{someView(), make(chan error, 1)}
	p.view.Spoken = 30
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
	for _, want := range []string{"LAN server on 127.0.0.1:4400, 13 clients\n", "Anna: line 0, x", "6 on the meadow and 6 in the forest; 1649 messages/s; latency p50 2.6 ms\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in %q", want, text.String())
		}
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

// aging is a stage whose time is that of its clock.
type aging struct {
	*stage
	began time.Time
}

func (a aging) View() View {
	v := a.stage.View()
	v.Elapsed = time.Since(a.began)
	return v
}

// A party that ends with a full second has one line about it, and not two.
func TestPrintEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for until, want := range map[time.Duration]int{
			900 * time.Millisecond:  1,
			3 * time.Second:         3,
			3100 * time.Millisecond: 3,
			3900 * time.Millisecond: 4,
		} {
			for range 20 { // select takes any case that is ready
				p := aging{&stage{someView(), make(chan error, 1)}, time.Now()}
				var text strings.Builder
				if err := Print(t.Context(), p, until, &text); err != nil {
					t.Fatal(err)
				}
				if n := strings.Count(text.String(), "walkers, "); n != want {
					t.Fatalf("%d lines in %v, want %d: %q", n, until, want, text.String())
				}
			}
		}
	})
}
