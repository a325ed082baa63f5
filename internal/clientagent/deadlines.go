package clientagent

import (
	"container/list"
	"time"
)

// deadlines are what shall happen after the same time for each, so that the
// first to be added is the first to be due. The zero time never comes.
type deadlines struct {
	after time.Duration
	list  list.List // of *deadline
}

type deadline struct {
	at  time.Duration
	due func()
}

// add lets due be called after the time. It returns nil if that is never.
func (d *deadlines) add(now time.Duration, due func()) *list.Element {
	if d.after <= 0 {
		return nil
	}
	return d.list.PushBack(&deadline{now + d.after, due})
}

// renew lets e, which add has returned, wait from now on.
func (d *deadlines) renew(now time.Duration, e *list.Element) {
	if e == nil {
		return
	}
	e.Value.(*deadline).at = now + d.after
	d.list.MoveToBack(e)
}

// remove takes e out, if it is still there.
func (d *deadlines) remove(e *list.Element) {
	if e != nil {
		d.list.Remove(e)
	}
}

// pass calls what is due.
func (d *deadlines) pass(now time.Duration) {
	for e := d.list.Front(); e != nil && e.Value.(*deadline).at <= now; e = d.list.Front() {
		d.list.Remove(e)
		e.Value.(*deadline).due()
	}
}
