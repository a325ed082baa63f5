package pipes

import (
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// drainInbox lets what the client sent take effect, in the world's goroutine.
func (p *peer) drainInbox() {
	s := p.server
	b := p.inbox.take(s.spare)
	s.spare = batch{}
	for i := range b.messages {
		if p.state.Load() == stateClosing {
			break
		}
		p.handle(&b.messages[i])
	}
	b.reset()
	s.spare = b
	p.flush()
}

// handle lets one message take effect.
func (p *peer) handle(m *message) {
	if m.typ == wire.CLDisconnect {
		p.close(transport.CodeNormal, nil, "the client said goodbye")
		return
	}
	switch p.state.Load() {
	case stateUnverified:
		if m.typ != wire.CLHello {
			p.wrongState(m.typ)
			return
		}
		p.hello(m.hello)
	case stateAuthenticating:
		if m.typ != wire.CLAuthenticateResponse {
			p.wrongState(m.typ)
			return
		}
		p.answer(m)
	case stateVerified:
		p.verified(m)
	}
}

// verified handles a message of a client that was let in.
func (p *peer) verified(m *message) {
	switch typ := m.typ; {
	case typ == wire.BObjectMessage:
		p.command(m)
	case typ == wire.CLInformPing:
		p.rtt.inform(m.rtt)
	case typ == wire.CLAuthenticateResponse && p.asked > 0:
		p.asked-- // the authenticator has decided without it
	case typ == wire.CLHello, typ == wire.CLAuthenticateResponse, fromServer(typ), p.ext && extFromServer(typ):
		p.wrongState(typ)
	case plainOnly(typ) && p.ext:
		p.eject(CodeWrongState, "%v belongs to the plain dialect, and the extension was agreed upon", typ)
	case !plainOnly(typ) && !(p.ext && extFromClient(typ)):
		// panda3d-pipes passes over what it does not know, and so may
		// a client expect it of a server.
		p.server.counters.refuse(refusedUnknownType)
	case typ == wire.CLPing || typ == wire.ExtPing:
		p.pong(m)
	case typ == wire.CLTick || typ == wire.ExtAck:
		p.acknowledge(m)
	case typ == wire.CLSetUpdateRate || typ == wire.CLSetCMDRate || typ == wire.ExtSetRates:
		p.setRates(m)
	default:
		p.interest(m)
	}
}

// plainOnly are the messages that only clients of the plain dialect send.
func plainOnly(t wire.Type) bool {
	switch t {
	case wire.CLSetUpdateRate, wire.CLSetCMDRate, wire.CLSetInterest, wire.CLAddInterest, wire.CLRemoveInterest, wire.CLTick, wire.CLPing:
		return true
	}
	return false
}

// extFromClient are the messages that only clients of the extension send.
func extFromClient(t wire.Type) bool {
	switch t {
	case wire.ExtSetRates, wire.ExtSetInterest, wire.ExtAddInterest, wire.ExtRemoveInterest, wire.ExtAck, wire.ExtPing:
		return true
	}
	return false
}

// extFromServer are the messages of the extension that servers send.
func extFromServer(t wire.Type) bool {
	return t >= wire.ExtSnapshot && t <= wire.ExtPingResp && !extFromClient(t)
}

// fromServer are the messages of panda3d-pipes that only servers send.
func fromServer(t wire.Type) bool {
	switch t {
	case wire.SVHelloResp, wire.SVInterestComplete, wire.SVTick, wire.SVSetObjectOwner, wire.SVGenerateObject, wire.SVGenerateOwnerObject,
		wire.SVDisableObject, wire.SVDeleteObject, wire.SVPingResp, wire.SVAuthenticateRequest, wire.SVAuthenticateResponse:
		return true
	}
	return false
}

// setRates grants the rates that a client asks for, as far as they go.
func (p *peer) setRates(m *message) {
	if m.update > 0 {
		p.updateRate = p.server.settings.updateRate(m.update)
		p.client.View().SetRate(float64(p.updateRate))
	}
	if m.command > 0 {
		p.commandRate.Store(uint32(p.server.settings.commandRate(m.command)))
	}
	if p.ext {
		b, err := wire.Rates{Type: wire.ExtRates, Update: p.updateRate, Command: uint16(p.commandRate.Load())}.Append(nil)
		if err == nil { // no rate is 0
			p.sendReliable(b)
		}
	}
}

// pong answers a ping that came before the client was let in, as the first thing
// after its hello does; see pongAtOnce for the others.
func (p *peer) pong(m *message) { p.send(pong(m)) }

// pong is the answer to a ping.
func pong(m *message) transport.Message {
	if m.typ == wire.CLPing {
		return transport.Message{Data: plainPong, Shared: true}
	}
	return transport.Message{Data: wire.Ping{Type: wire.ExtPingResp, Number: m.number}.Append(nil), Mode: transport.Unreliable}
}

var plainPong = wire.SVPingResp.Append(nil)
