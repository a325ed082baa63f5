package pipes

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// rejection is why a client is not let in. Its name is that in metrics.
type rejection string

const (
	rejectedFull     rejection = "full"
	rejectedAddress  rejection = "address_full"
	rejectedPassword rejection = "password"
	rejectedHash     rejection = "dc_hash"
	rejectedSignedIn rejection = "already_signed_in"
	rejectedShutdown rejection = "shutting_down"
	rejectedLogin    rejection = "login"
	rejectedTimeout  rejection = "login_timeout"
	rejectedProtocol rejection = "protocol"
)

var rejections = [...]rejection{
	rejectedFull, rejectedAddress, rejectedPassword, rejectedHash, rejectedSignedIn, rejectedShutdown, rejectedLogin, rejectedTimeout, rejectedProtocol,
}

const shutdownText = "the server is shutting down"

// hello judges a client's first message.
func (p *peer) hello(h *wire.Hello) {
	s := p.server
	c := s.settings
	p.ext = h.Extension.Features.Has(wire.FeatureSnapshots)
	switch ticks := c.World.Rate(); {
	case s.full():
		p.reject(rejectedFull, session.ErrFull.Error())
	case !samePassword(h.Password, c.Password):
		p.reject(rejectedPassword, "wrong password")
	case h.DCHash != s.schema.Hash():
		p.reject(rejectedHash, fmt.Sprintf("DC hash mismatch: the server's DC files have the hash %#08x and yours %#08x; both sides need the same files", s.schema.Hash(), h.DCHash))
	case !p.ext && ticks > 0xff:
		p.reject(rejectedProtocol, fmt.Sprintf("this server runs at %d ticks per second, which only clients of Culm's extension can be told", ticks))
	default:
		p.updateRate = c.updateRate(h.UpdateRate)
		p.commandRate.Store(uint32(c.commandRate(h.CommandRate)))
		if c.Authenticator != nil {
			p.authenticate()
		} else {
			p.letIn(nil)
		}
	}
}

// full says that as many clients are in as may be. Who is still to be authenticated
// is not: else whoever does not answer would keep out who has an account.
func (s *Server) full() bool {
	most := s.settings.MaxClients
	return most > 0 && s.admitted >= most
}

// samePassword compares in a time that says nothing about the right one, not
// even how long it is. The empty one fits everything.
func samePassword(said, right string) bool {
	a, b := sha256.Sum256([]byte(said)), sha256.Sum256([]byte(right))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 || right == ""
}

// extension is what was agreed upon.
func (p *peer) extension() wire.Extension {
	if p.ext {
		return wire.Extension{Present: true, Features: wire.FeatureSnapshots}
	}
	return wire.Extension{}
}

// plainWindow is how many snapshots a client of the plain dialect may leave
// unacknowledged before further ones are skipped. It has to cover the round
// trip: at 66 per second, 16 are a quarter of a second.
const plainWindow = 16

// maxPart is how long a part of a snapshot is at most, in bytes: what goes in one
// packet on nearly all paths, the 1,200 bytes that QUIC demands of them less what
// it adds. Transports take longer unreliable messages, but in several packets, and
// then a single lost one costs all of the part.
const maxPart = 1150

// letIn takes the client into the world, which calls Joined.
func (p *peer) letIn(account any) {
	s := p.server
	if s.full() { // since the hello
		p.reject(rejectedFull, session.ErrFull.Error())
		return
	}
	s.admitted++
	p.admitted = true
	if s.signedIn(account) {
		p.reject(rejectedSignedIn, "already signed in")
		return
	}
	_, err := s.world.Join(p, world.JoinConfig{
		Account:  account,
		MaxZones: s.settings.MaxZones,
		View: snapshot.ViewConfig{
			Plain:    !p.ext,
			PartSize: max(min(p.conn.MaxUnreliable(), maxPart)-wire.PartHeaderSize, 1),
			Rate:     float64(p.updateRate),
			Window:   plainWindow,
			Budget:   p.budget,
		},
	})
	switch {
	case errors.Is(err, world.ErrStopped):
		p.reject(rejectedShutdown, shutdownText)
	case err != nil:
		p.reject(rejectedFull, err.Error())
	}
}

// signedIn says whether a client with that account is in the world, by whichever
// server it came.
func (s *Server) signedIn(account any) bool {
	if account == nil || !reflect.ValueOf(account).Comparable() {
		return false
	}
	for c := range s.world.Clients() {
		if c.Account() == account {
			return true
		}
	}
	return false
}

// Joined implements [world.Viewer]: the client is welcomed, and told nothing
// before that.
func (p *peer) Joined(c *world.Client) {
	p.client = c
	from := p.state.Load()
	if from == stateClosing || !p.welcome(from) || !p.enter(from, stateVerified) {
		return // leave takes it out of the world again
	}
	p.server.counters.connect()
	p.server.settings.Log.Debug("client let in", "client", c.ID(), "address", p.conn.Identity().Addr, "extension", p.ext)
}

// welcome tells the client that it is in.
func (p *peer) welcome(from int32) bool {
	s := p.server
	w := wire.Welcome{ClientID: p.client.ID(), TickRate: uint16(s.world.Rate()), Tick: s.world.Tick()}
	if p.ext {
		w.UpdateRate, w.CommandRate = p.updateRate, uint16(p.commandRate.Load())
	}
	var b []byte
	var err error
	if from == stateAuthenticating {
		b, err = wire.AuthenticateResult{Accepted: true, Welcome: w, Extension: p.extension()}.Append(nil)
	} else {
		b, err = wire.HelloResponse{Accepted: true, Welcome: w, Extension: p.extension()}.Append(nil)
	}
	if err != nil {
		p.reject(rejectedProtocol, err.Error())
		return false
	}
	// Where nobody hears it any more, what was sent behind the hello still counts.
	return p.sendReliable(b) || p.state.Load() == from
}

// reject tells the client why it is not let in and closes the connection, which
// lingers for that. Any goroutine may call it.
func (p *peer) reject(why rejection, reason string) {
	from, ok := p.end(session.Eject(transport.CodeRefused, "%s", reason))
	if !ok {
		return
	}
	s := p.server
	s.counters.reject(why)
	p.log(slog.LevelInfo, "reject "+string(why), "client rejected", reason)
	reason = transport.CutReason(reason)
	var b []byte
	var err error
	switch from {
	case stateUnverified:
		b, err = wire.HelloResponse{Reason: reason}.Append(nil)
	case stateAuthenticating:
		b, err = wire.AuthenticateResult{Reason: reason}.Append(nil)
	}
	if err == nil && b != nil { // the reason is short, and UTF-8
		_ = p.conn.Send(transport.Message{Data: b}) // the code and the reason of Close say the same
	}
	p.conn.Close(transport.CodeRefused, reason)
}
