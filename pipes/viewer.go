package pipes

import (
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// A peer is what the world sees of a client.
var _ world.Viewer = (*peer)(nil)

// Kick implements [world.Viewer].
func (p *peer) Kick(reason string) { p.eject(CodeKicked, "%s", reason) }

// Stop implements [world.Viewer].
func (p *peer) Stop(reason string) { p.close(transport.CodeShutdown, world.ErrStopped, reason) }

// Info implements [world.Viewer].
func (p *peer) Info() world.ClientInfo {
	rtt := p.rtt.best()
	return world.ClientInfo{
		Address:    p.conn.Identity().Addr.String(),
		RTT:        rtt.Current(),
		AverageRTT: rtt.Average(),
		Jitter:     rtt.Jitter(),
		UpdateRate: float64(p.updateRate),
		Extension:  p.ext,
	}
}
