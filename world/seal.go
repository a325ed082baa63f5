package world

import (
	"github.com/culm-net/culm/internal/snapshot"
)

// sealHook is what somebody does before and after a tick is sealed.
type sealHook struct{ before, after func(tick uint32) }

// OnSeal has functions called before and after each tick's snapshots are made;
// either may be nil. Sessions set budgets before and flush after. It returns a
// function that takes them away again.
func (w *World) OnSeal(before, after func(tick uint32)) (remove func()) {
	h := &sealHook{before, after}
	w.hooks = append(w.hooks[:len(w.hooks):len(w.hooks)], h)
	return func() {
		hooks := make([]*sealHook, 0, len(w.hooks))
		for _, o := range w.hooks {
			if o != h {
				hooks = append(hooks, o)
			}
		}
		w.hooks = hooks
	}
}

// seal ends a tick and makes its snapshots.
func (w *World) seal(tick uint32) {
	hooks := w.hooks
	for _, h := range hooks {
		if h.before != nil {
			h.before(tick)
		}
	}
	// It fails only for a tick that is sealed already.
	if err := w.index.Produce(tick, emit); err != nil {
		w.cfg.Log.Error("no snapshots", "error", err)
	}
	if w.generated.Swap(false) {
		w.generates.Clear()
	}
	for _, h := range hooks {
		if h.after != nil {
			h.after(tick)
		}
	}
}

func emit(v *snapshot.View, s *snapshot.Snapshot) { v.Data().(*Client).viewer.Snapshot(s) }
