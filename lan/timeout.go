package lan

import (
	"context"
	"time"

	"github.com/culm-net/culm/internal/session"
)

// tickInterval is how often clients are looked at for timeouts, and so by how
// much one may come late.
const tickInterval = time.Second

// requestInterval is the core's period: how often the clients in one zone are
// asked for their objects at most.
const requestInterval = 100 * time.Millisecond

// tickLoop disconnects idle and silent clients, and lets the core's periods
// pass, until ctx is done.
func (s *Server) tickLoop(ctx context.Context) {
	t := time.NewTicker(tickInterval)
	defer t.Stop()
	requests := time.NewTicker(requestInterval)
	defer requests.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			s.tick(now)
		case <-requests.C:
			s.nextPeriod()
		}
	}
}

// nextPeriod lets a period of the core pass.
func (s *Server) nextPeriod() {
	s.mu.Lock()
	s.core.nextPeriod()
	s.scheduleFlush()
	overrun := s.takeOverrun()
	s.mu.Unlock()
	s.ejectOverrun(overrun)
}

// tick ejects the clients that have timed out at now.
func (s *Server) tick(now time.Time) {
	idle := s.settings.IdleTimeout
	if limit := s.settings.MaxClients; limit > 0 && s.admission.Total() >= limit-limit/5 {
		if full := s.settings.FullIdleTimeout; full > 0 && (idle == 0 || full < idle) {
			idle = full
		}
	}
	silent := s.settings.HeartbeatTimeout
	if idle == 0 && silent == 0 {
		return
	}
	s.peers.Range(func(_, v any) bool {
		p := v.(*peer)
		switch {
		case silent > 0 && s.since(now, p.heard.Load()) >= silent:
			p.timeOut(session.Eject(CodeSilent, "nothing was heard of it for %v, not even a heartbeat", silent))
		case idle > 0 && !p.trusted && s.since(now, p.active.Load()) >= idle:
			p.timeOut(session.Eject(CodeIdle, "it has sent nothing for %v", idle))
		}
		return true
	})
}

func (s *Server) since(now time.Time, clock int64) time.Duration {
	return time.Duration(s.clock(now) - clock)
}

// timeOut ejects a client outside of its own messages.
func (p *peer) timeOut(e *session.Ejection) {
	s := p.server
	s.mu.Lock()
	if p.client.gone {
		s.mu.Unlock()
		return
	}
	s.core.disconnect(p.client)
	s.ejected[e.Code]++
	s.scheduleFlush()
	overrun := s.takeOverrun()
	s.mu.Unlock()
	p.eject(e)
	s.ejectOverrun(overrun)
}
