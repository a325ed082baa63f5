package clientsession

import (
	"math"
	"testing"

	"github.com/culm-net/culm/pipes/wire"
)

// TestProgress tells which parts make their snapshot whole.
func TestProgress(t *testing.T) {
	type part struct {
		tick, number uint32
		flags        wire.PartFlags
		whole        bool
	}
	const first, last, partial = wire.FirstPart, wire.LastPart, wire.PartialSnapshot
	for name, parts := range map[string][]part{
		"one":            {{10, 1, first | last, true}, {11, 2, first | last, true}},
		"tick 0":         {{0, 1, first, false}, {0, 2, last, true}},
		"any order":      {{10, 3, last, false}, {10, 1, first, false}, {10, 2, 0, true}},
		"interleaved":    {{10, 1, first, false}, {11, 3, first, false}, {10, 2, last, true}, {11, 4, last, true}},
		"lost":           {{10, 1, first, false}, {10, 3, last, false}, {11, 4, first | last, true}},
		"partial":        {{10, 1, first, false}, {10, 2, last | partial, false}},
		"highest number": {{10, math.MaxUint32 - 1, first, false}, {10, math.MaxUint32, last, true}, {11, 1, first | last, true}},
		"too far behind": {{1, 1, first, false}, {2, 3, first, false}, {3, 4, first, false}, {4, 5, first, false}, {5, 6, first, false}, {1, 2, last, false}},
	} {
		var p progress
		for _, m := range parts {
			if got := p.add(&wire.Part{Stamp: wire.Stamp{Tick: m.tick}, Number: m.number, Flags: m.flags}); got != m.whole {
				t.Errorf("%s: part %d makes it whole: %v", name, m.number, got)
			}
		}
	}
}
