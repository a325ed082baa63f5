package walkers

import (
	"fmt"
	"testing"
	"time"
)

func TestRing(t *testing.T) {
	var r Ring
	if r.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for i := range ringSize * 3 / 2 {
		r.Add(time.Duration(i))
	}
	if lo, hi := r.Quantile(0), r.Quantile(1); lo != ringSize/2 || hi != ringSize*3/2-1 {
		t.Errorf("the Ring has %d to %d", lo, hi)
	}
}

func TestRate(t *testing.T) {
	var r Rate
	if got := r.Of(0, 100); got != 0 {
		t.Errorf("at first %v", got)
	}
	for i := 1; i <= 40; i++ {
		if got := r.Of(time.Duration(i)*100*time.Millisecond, uint64(100+50*i)); fmt.Sprintf("%.3f", got) != "500.000" {
			t.Errorf("after %d: %v", i, got)
		}
	}
	if len(r.samples) > 12 {
		t.Errorf("%d samples are kept", len(r.samples))
	}
}
