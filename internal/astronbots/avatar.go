package astronbots

import "sync/atomic"

// avatar is what is true of an avatar: what its AI or its client has done with
// it, whoever has heard of that yet.
type avatar struct {
	id     uint32
	walked atomic.Uint64 // steps made
	zone   atomic.Uint32
	sent   []atomic.Int64 // when the last steps were made, in ns since the run began
}

// remembered is for how many steps of an avatar it is known when they were made.
const remembered = 512

func (r *run) newAvatar(id, zone uint32) *avatar {
	a := &avatar{id: id, sent: make([]atomic.Int64, min(remembered, r.gait.Period()))}
	a.zone.Store(zone)
	r.avatars.Store(id, a)
	return a
}

// avatar returns the one with a doId; nil if there is none any more.
func (r *run) avatar(id uint32) *avatar {
	if a, ok := r.avatars.Load(id); ok {
		return a.(*avatar)
	}
	return nil
}

// forget notes that an avatar is no more.
func (r *run) forget(a *avatar) {
	r.avatars.Delete(a.id)
	if r.Guests {
		r.departed.Store(a.id, true)
	}
}

// ours tells whether a doId is one that the bots' AIs give; guests cannot know.
func (r *run) ours(id uint32) bool { return r.Guests || id >= r.FirstID && id-r.FirstID < idRange }

// stranger tells whether an object is the game's own, or was an avatar once.
func (r *run) stranger(id uint32) bool { return r.Guests && r.avatar(id) == nil }

func (r *run) sentAt(a *avatar, step uint64) *atomic.Int64 {
	return &a.sent[step%r.gait.Period()%uint64(len(a.sent))]
}

// step makes the next step of an avatar: set sends its packed value. Only one
// goroutine at a time makes an avatar walk.
func (r *run) step(a *avatar, set func(value []byte) error) error {
	step := a.walked.Load()
	r.sentAt(a, step).Store(r.clock())
	if err := set(r.gait.AppendWalk(nil, int(a.id), step)); err != nil {
		return err
	}
	a.walked.Add(1)
	return nil
}
