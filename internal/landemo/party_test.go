package landemo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/internal/walkers"
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
		good := len(v.Walkers) == len(walkers.Names) && v.Spoken > 3 && p.measured()
		counts := map[uint32]int{}
		for i, w := range v.Walkers {
			counts[w.Zone]++
			good = good && w.Name == walkers.Names[i]
			if before := crossed[w.Name]; before != 0 && before != w.Zone {
				crossings++
			}
			crossed[w.Name] = w.Zone
		}
		for _, w := range v.Walkers {
			good = good && w.Note == fmt.Sprintf("%-7s %d others", walkers.ZoneName(w.Zone), counts[w.Zone]-1)
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

// measured tells whether steps were measured.
func (p *Party) measured() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latency.Quantile(0.5) > 0
}

// A party whose server fails must say so, and end.
func TestPartyFails(t *testing.T) {
	p, err := NewParty(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.guests[3].client.Disconnect() // not by the party's wish
	if err := walkers.Print(t.Context(), p, 0, io.Discard); err == nil || !strings.Contains(err.Error(), walkers.Names[3]) {
		t.Errorf("got %v", err)
	}
}
