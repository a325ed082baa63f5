package ai

import (
	"net/netip"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// State is how far a client has come.
type State uint16

// The states of a client.
const (
	StateNew         State = 0 // it has not said hello
	StateAnonymous   State = 1 // it may speak with anonymous UberDOGs only
	StateEstablished State = 2 // it may do what clients may
)

// Reasons for ejecting clients that the protocol reserves for servers of the
// game; others are the game's own.
const (
	LoggedInElsewhere uint16 = 100
	LoginRefused      uint16 = 122
	AdminAccess       uint16 = 126
	AdminDisconnect   uint16 = 151
	Moderated         uint16 = 152
	Maintenance       uint16 = 154
)

// Session is a client's session at a client agent, by a channel that it hears:
// the sender of its updates. Whether there is a client is not known; what is
// sent to one that has gone is lost. Messages that a limit of the client agent
// does not allow are ignored there.
type Session struct {
	ai      *AI
	channel uint64
}

// Session returns the session of a channel.
func (a *AI) Session(channel uint64) Session { return Session{a, channel} }

// Channel returns the channel.
func (s Session) Channel() uint64 { return s.channel }

func (s Session) send(t md.Type, payload func(w *datagram.Writer)) error {
	return s.ai.send(&s.ai.self, t, s.channel, payload)
}

// fixed sends what is never too long.
func (s Session) fixed(t md.Type, payload func(w *datagram.Writer)) { _ = s.send(t, payload) }

// SetState lets the client in, or takes that back.
func (s Session) SetState(state State) {
	s.fixed(md.ClientAgentSetState, func(w *datagram.Writer) { w.Uint16(uint16(state)) })
}

// SetID makes a channel the sender of the client's updates, so that an account
// has the same one in each session. It also hears it; the returned session is by
// that channel.
func (s Session) SetID(channel uint64) Session {
	s.fixed(md.ClientAgentSetClientID, func(w *datagram.Writer) { w.Uint64(channel) })
	return Session{s.ai, channel}
}

// SendDatagram sends the client a message as it is.
func (s Session) SendDatagram(message []byte) error {
	return s.send(md.ClientAgentSendDatagram, func(w *datagram.Writer) { w.Blob(message) })
}

// Eject throws the client out and tells it why.
func (s Session) Eject(code uint16, reason string) error {
	return s.send(md.ClientAgentEject, func(w *datagram.Writer) {
		w.Uint16(code)
		w.String(reason)
	})
}

// Drop closes the client's connection without a word.
func (s Session) Drop() { s.fixed(md.ClientAgentDrop, nil) }

// Declare lets the client send to an object that it does not see, and Undeclare
// takes that back.
func (s Session) Declare(doID uint32, class *dc.Class) {
	s.fixed(md.ClientAgentDeclareObject, func(w *datagram.Writer) {
		w.Uint32(doID)
		w.Uint16(uint16(class.Number()))
	})
}

// Undeclare takes back what Declare did.
func (s Session) Undeclare(doID uint32) {
	s.fixed(md.ClientAgentUndeclareObject, func(w *datagram.Writer) { w.Uint32(doID) })
}

// AddSessionObject ties an object and the session together: when the client goes
// the object is deleted, and when the object goes the client is ejected. An
// object of this AI is therefore not created again after the link was lost.
func (s Session) AddSessionObject(doID uint32) {
	s.tie(doID, s.channel)
	s.fixed(md.ClientAgentAddSessionObject, func(w *datagram.Writer) { w.Uint32(doID) })
}

// RemoveSessionObject unties them.
func (s Session) RemoveSessionObject(doID uint32) {
	s.tie(doID, 0)
	s.fixed(md.ClientAgentRemoveSessionObject, func(w *datagram.Writer) { w.Uint32(doID) })
}

func (s Session) tie(doID uint32, client uint64) {
	if o := s.ai.objects[doID]; o != nil {
		o.tied = client
	}
}

// SetFieldsSendable lets the client send these fields of an object, besides those
// that the DC files allow; each call replaces the last one.
func (s Session) SetFieldsSendable(doID uint32, fields ...*dc.Field) error {
	return s.send(md.ClientAgentSetFieldsSendable, func(w *datagram.Writer) {
		w.Uint32(doID)
		w.Uint16(uint16(len(fields)))
		for _, f := range fields {
			w.Uint16(uint16(f.Number()))
		}
	})
}

// OpenChannel makes the session hear a channel.
func (s Session) OpenChannel(channel uint64) {
	s.fixed(md.ClientAgentOpenChannel, func(w *datagram.Writer) { w.Uint64(channel) })
}

// CloseChannel ends that.
func (s Session) CloseChannel(channel uint64) {
	s.fixed(md.ClientAgentCloseChannel, func(w *datagram.Writer) { w.Uint64(channel) })
}

// AddPostRemove has the client agent send a message, from the AI's channel, when
// the client has gone.
func (s Session) AddPostRemove(channel uint64, typ uint16, payload []byte) error {
	m, err := s.ai.message(md.Type(typ), s.ai.config.Channel, channel, func(w *datagram.Writer) { w.Bytes(payload) })
	if err != nil {
		return err
	}
	return s.send(md.ClientAgentAddPostRemove, func(w *datagram.Writer) { w.Blob(m) })
}

// DeleteWhenGone has an object deleted when the client has gone.
func (s Session) DeleteWhenGone(doID uint32) error {
	m, err := s.ai.message(md.StateServerObjectDeleteRAM, s.ai.config.Channel, uint64(doID), func(w *datagram.Writer) { w.Uint32(doID) })
	if err != nil {
		return err
	}
	return s.send(md.ClientAgentAddPostRemove, func(w *datagram.Writer) { w.Blob(m) })
}

// ClearPostRemoves takes all post-removes of the session back.
func (s Session) ClearPostRemoves() { s.fixed(md.ClientAgentClearPostRemoves, nil) }

// AddInterest opens an interest of the client in zones of a parent, or changes
// the one of this number. Events.InterestDone tells when the client has all
// objects, here and at RemoveInterest.
func (s Session) AddInterest(id uint16, parent uint32, zones ...uint32) error {
	if len(zones) == 1 {
		return s.send(md.ClientAgentAddInterest, func(w *datagram.Writer) {
			w.Uint16(id)
			w.Uint32(parent)
			w.Uint32(zones[0])
		})
	}
	return s.send(md.ClientAgentAddInterestMultiple, func(w *datagram.Writer) {
		w.Uint16(id)
		w.Uint32(parent)
		w.Uint16(uint16(len(zones)))
		for _, zone := range zones {
			w.Uint32(zone)
		}
	})
}

// RemoveInterest closes an interest of the client.
func (s Session) RemoveInterest(id uint16) {
	s.fixed(md.ClientAgentRemoveInterest, func(w *datagram.Writer) { w.Uint16(id) })
}

// Network is where a client comes from. Addresses that are no IP addresses are
// not valid.
type Network struct{ Remote, Local netip.AddrPort }

// GetNetwork asks where the client comes from.
func (s Session) GetNetwork(done func(Network, error)) {
	ask1(s.ai, md.ClientAgentGetNetworkAddress, md.ClientAgentGetNetworkAddressResp, s.channel, nil,
		func(r *datagram.Reader) (Network, error) {
			read := func() netip.AddrPort {
				ip, _ := netip.ParseAddr(r.String())
				return netip.AddrPortFrom(ip, r.Uint16())
			}
			return Network{Remote: read(), Local: read()}, nil
		}, done)
}

// GetTLVs asks for the TLVs that a proxy has said of the client's connection in
// version 2 of the PROXY protocol.
func (s Session) GetTLVs(done func(tlvs []byte, err error)) {
	ask1(s.ai, md.ClientAgentGetTLVs, md.ClientAgentGetTLVsResp, s.channel, nil,
		func(r *datagram.Reader) ([]byte, error) { return append([]byte(nil), r.Blob()...), nil }, done)
}
