package pipesdemo

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/internal/walkers"
	"github.com/culm-net/culm/pipes/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// freePort are the usual settings, but for the port.
func freePort() settings.Settings {
	s := settings.Default()
	s.Port = 0
	return s
}

// await looks at a party until it is as wanted.
func await(t *testing.T, p *Party, what string, wanted func(walkers.View) bool) walkers.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		v := p.View()
		if wanted(v) {
			return v
		}
		select {
		case err := <-p.Failed():
			t.Fatal(err)
		case <-ctx.Done():
			t.Fatalf("after a minute not %s: %+v", what, v)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// everybody tells whether all are there, in the zones that they stand in.
func everybody(v walkers.View) bool {
	for _, w := range v.Walkers {
		// What is shown is interpolated, and may be beyond the border already or still.
		if w.Zone == 0 || w.Zone != walkers.ZoneOf(w.Point) && !near(w.X) {
			return false
		}
	}
	return len(v.Walkers) == len(walkers.Names)
}

func near(x float64) bool { return x > walkers.Border-5 && x < walkers.Border+5 }

// The watcher must come to see all walkers move, in the zone that they are in,
// and hear them talk; each guest must see those in its zone only.
func TestParty(t *testing.T) {
	p, err := NewParty(Config{Settings: freePort(), Loss: 0.05, Lag: 20 * time.Millisecond, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	first := await(t, p, "everybody there", everybody)
	if !strings.Contains(first.Title, "127.0.0.1:") || !strings.Contains(first.Title, "5% loss, 20ms lag") {
		t.Errorf("the title is %q", first.Title)
	}
	before := map[string]uint32{}
	await(t, p, "crossing the border and talking", func(v walkers.View) bool {
		crossed := false
		for _, w := range v.Walkers {
			crossed = crossed || w.Zone != 0 && before[w.Name] != 0 && before[w.Name] != w.Zone
			before[w.Name] = w.Zone
		}
		return crossed && v.Spoken > 3
	})
	await(t, p, "each guest seeing its zone", func(v walkers.View) bool {
		counts := map[uint32]int{}
		for _, w := range v.Walkers {
			counts[w.Zone]++
		}
		for _, w := range v.Walkers {
			var sees int
			if _, err := fmt.Sscan(w.Note, &sees); err != nil || sees != counts[w.Zone]-1 {
				return false
			}
		}
		return everybody(v)
	})
	await(t, p, "telling a round-trip time as long as the lag, and loss", func(v walkers.View) bool {
		var rtt, loss float64
		_, after, _ := strings.Cut(v.Numbers[1], "RTT ")
		n, _ := fmt.Sscanf(after, "%f ms, loss %f%%", &rtt, &loss)
		return n == 2 && rtt >= 20 && loss > 0
	})
	for i, want := range []string{" of 15.2, ", "KB/s in "} {
		if v := p.View(); !strings.Contains(v.Numbers[i], want) {
			t.Errorf("%q is missing in %q", want, v.Numbers[i])
		}
	}
}

// Who is thrown out does not come back, and the party says so and ends.
func TestPartyFails(t *testing.T) {
	p, err := NewParty(Config{Settings: freePort(), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	await(t, p, "everybody there", everybody)
	p.world.Do(func() {
		for o := range p.world.Objects() {
			if name, err := o.Get("name"); err == nil && name[0] == "Dora" {
				o.Owner().Kick("too loud")
				return
			}
		}
	})
	err = walkers.Print(t.Context(), p, 0, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "Dora cannot go on") || !strings.Contains(err.Error(), "too loud") {
		t.Errorf("got %v", err)
	}
}

func TestPartyCannotBegin(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		change func(*settings.Settings)
		want   string
	}{
		"out of range":    {func(s *settings.Settings) { s.TickRate = 0 }, "pipes-tickrate"},
		"too few clients": {func(s *settings.Settings) { s.MaxClients = 12 }, "pipes-max-clients is 12, but the demo has 13 clients"},
		"port in use":     {func(s *settings.Settings) { s.Port = taken.LocalAddr().(*net.UDPAddr).Port }, "--pipes-port"},
	} {
		t.Run(name, func(t *testing.T) {
			s := freePort()
			c.change(&s)
			if _, err := NewParty(Config{Settings: s}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// A party ends at once also when it has hardly begun.
func TestPartyEndsEarly(t *testing.T) {
	p, err := NewParty(Config{Settings: freePort(), Loss: 0.5, Lag: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	p.View()
	p.Close()
}
