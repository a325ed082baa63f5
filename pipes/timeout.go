package pipes

import (
	"context"
	"sync/atomic"
	"time"
)

// tickInterval is how often clients are looked at for timeouts, and so by how
// much one may come late.
const tickInterval = time.Second

// tickLoop disconnects clients that have timed out, until ctx is done.
func (s *Server) tickLoop(ctx context.Context) {
	t := time.NewTicker(s.interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			s.look(now)
		}
	}
}

// look ends the sessions that have timed out at now, a tickInterval after the last
// look. When that was much longer ago, this program was held up, or the machine was
// suspended: clients could not be heard in that time, so it does not count.
func (s *Server) look(now time.Time) {
	pause := now.Sub(s.looked) - tickInterval
	if !s.looked.IsZero() && pause > 2*tickInterval {
		most := s.clock(now)
		later := func(at *atomic.Int64) { at.Store(min(at.Load()+int64(pause), most)) }
		s.peers.Range(func(_, v any) bool {
			p := v.(*peer)
			later(&p.since)
			later(&p.heard)
			return true
		})
	}
	s.looked = now
	s.tick(now)
}

// tick ends the sessions that have timed out at now.
func (s *Server) tick(now time.Time) {
	c := s.settings
	clock := s.clock(now)
	over := func(since int64, limit time.Duration) bool { return limit > 0 && time.Duration(clock-since) >= limit }
	s.peers.Range(func(_, v any) bool {
		p := v.(*peer)
		switch p.state.Load() {
		case stateUnverified:
			if over(p.since.Load(), c.HelloTimeout) {
				p.eject(CodeNoHello, "it has not said hello within %v", c.HelloTimeout)
			}
		case stateAuthenticating:
			if over(p.since.Load(), c.AuthTimeout) {
				p.reject(rejectedTimeout, "it was not authenticated within "+c.AuthTimeout.String())
			}
		case stateVerified:
			if over(p.heard.Load(), c.SilentTimeout) {
				p.eject(CodeSilent, "nothing was heard of it for %v, not even a ping", c.SilentTimeout)
			}
		}
		return true
	})
}
