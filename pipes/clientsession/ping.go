package clientsession

import (
	"time"

	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// pings are the pings that were sent. In the plain dialect, where answers look
// all the same, one is under way at a time, and the interval begins with the
// answer; pings and answers are reliable there. With the extension they go at
// each interval, and the last ones can be answered.
type pings struct {
	number  uint16 // of the last one sent
	sent    [16]time.Time
	due     time.Time // when the next one is to be sent
	waiting bool      // for an answer; plain dialect only
}

// ping sends a ping when it is time.
func (s *Session) ping(now time.Time) {
	p := &s.pings
	if p.waiting || now.Before(p.due) || s.config.PingInterval == forever {
		return
	}
	number, m := p.number, transport.Message{}
	if s.extended {
		number++
		m.Data, m.Mode = wire.Ping{Type: wire.ExtPing, Number: number}.Append(s.buf[:0]), transport.Unreliable
	} else {
		m.Data = wire.CLPing.Append(s.buf[:0])
	}
	s.buf = m.Data
	if s.send(m) != nil {
		return // tried again in the next frame
	}
	p.number, p.waiting = number, !s.extended
	p.sent[int(number)%len(p.sent)] = now
	p.due = now.Add(s.config.PingInterval)
}

// ponged takes the answer to a ping that arrived at now, and tells the server
// the round-trip time.
func (s *Session) ponged(now time.Time, number uint16) {
	p := &s.pings
	if s.extended {
		if p.number-number >= uint16(len(p.sent)) {
			s.stats.Ignored++
			return
		}
	} else if !p.waiting {
		s.stats.Ignored++
		return
	}
	sent := &p.sent[int(number)%len(p.sent)]
	if sent.IsZero() { // never sent, or answered already
		s.stats.Ignored++
		return
	}
	rtt := now.Sub(*sent)
	*sent = time.Time{}
	if p.waiting {
		p.waiting, p.due = false, now.Add(s.config.PingInterval)
	}
	s.rtt.Add(rtt)
	s.buf = wire.InformPing{RTT: rtt}.Append(s.buf[:0])
	// If it cannot be sent, the next one tells.
	_ = s.send(transport.Message{Data: s.buf})
}

// RTT returns the round-trip times that pings had lately. It belongs to the
// session; the caller only reads it.
func (s *Session) RTT() *netclock.RTT { return &s.rtt }
