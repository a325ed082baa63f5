package loadgen

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	var seen [100]atomic.Int32
	var now, most atomic.Int32
	err := Each(t.Context(), len(seen), 7, func(_ context.Context, i int) error {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		seen[i].Add(1)
		now.Add(-1)
		return nil
	})
	if err != nil || most.Load() > 7 {
		t.Errorf("%v, %d at once", err, most.Load())
	}
	for i := range seen {
		if n := seen[i].Load(); n != 1 {
			t.Errorf("%d was done %d times", i, n)
		}
	}

	failure := errors.New("no")
	var after atomic.Int32
	err = Each(t.Context(), 1000, 3, func(ctx context.Context, i int) error {
		if i == 5 {
			return failure
		}
		if i > 5 {
			<-ctx.Done() // else it would not end
			after.Add(1)
		}
		return nil
	})
	if !errors.Is(err, failure) || after.Load() > 3 {
		t.Errorf("%v, and %d more were done", err, after.Load())
	}
}
