package pipesdemo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/internal/walkers"
)

// ticked is called at the end of each tick. before is how long the one before
// took, 0 for none.
func (p *Party) ticked(tick uint32, before time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before > 0 {
		p.ticks.Add(before)
	}
	p.ticksPerSec = p.tickRate.Of(p.clock(), uint64(tick))
}

// columns is the heading of what note writes.
const columns = "sees  KB/s    RTT  loss"

// note says how a guest is connected.
func (g *guest) note() string {
	s := g.client.Stats()
	if s.State != client.Connected {
		return strings.ToLower(s.State.String())
	}
	return fmt.Sprintf("%4d %5.1f %3.0f ms %4.0f%%", g.sees, s.ReceiveRate/1000, milliseconds(s.AverageRTT), 100*s.Loss)
}

// look notes what the clients see and how they are connected, after a frame.
func (p *Party) look() {
	seen := p.watcher.seen()
	all := make([]walkers.Walker, 0, len(p.guests))
	for _, g := range p.guests {
		w := seen[g.name]
		w.Name = g.name
		w.Note = g.note()
		all = append(all, w)
	}
	var rtts []time.Duration
	loss := 0.0
	for _, c := range p.clients {
		if s := c.Stats(); s.State == client.Connected {
			rtts = append(rtts, s.AverageRTT)
			loss += s.Loss
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown.Walkers = all
	p.watcher.chat.Show(&p.shown)
	p.rtt, p.loss = 0, 0
	if len(rtts) > 0 {
		slices.Sort(rtts)
		p.rtt, p.loss = rtts[len(rtts)/2], loss/float64(len(rtts))
	}
}

// View returns what the watcher sees now.
func (p *Party) View() walkers.View {
	clients, server := p.world.Stats().Clients, p.server.Stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.shown
	v.Title, v.Columns, v.Elapsed = p.title, columns, p.clock()
	perClient := 1 / float64(max(clients, 1))
	v.Numbers = []string{
		fmt.Sprintf("tick %.2f ms (p99 %.2f) of %.1f, %.0f ticks/s",
			milliseconds(p.ticks.Quantile(0.5)), milliseconds(p.ticks.Quantile(0.99)), 1000*p.world.Rate().Interval(), p.ticksPerSec),
		fmt.Sprintf("per client %.1f KB/s in %.0f snapshots/s, RTT %.1f ms, loss %.1f%%",
			p.sent.Of(v.Elapsed, server.SentBytes)*perClient/1000, p.snapshots.Of(v.Elapsed, server.Snapshots)*perClient, milliseconds(p.rtt), 100*p.loss),
	}
	return v
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
