package pipes

import (
	"context"
	"sync/atomic"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// Authenticator finds out who a client is, after its hello and before it is let
// in. Its methods are called by the world's goroutine and must return at once:
// who needs time, for a database for example, goes on elsewhere and then calls
// the methods of the Login. There are Config.AuthTimeout for all of it.
type Authenticator interface {
	// Start begins with a client. It calls Ask, Accept or Reject, or sees to
	// it that somebody does.
	Start(l *Login)
	// Answer takes the client's answer to an Ask. data is the Authenticator's
	// to keep; it may be anything.
	Answer(l *Login, data []byte)
}

// Login is a client that is being authenticated. Its methods are safe for
// concurrent use and never block. Once one of Accept and Reject was called, or the
// client has gone, they have no effect.
type Login struct {
	peer     *peer
	identity transport.Identity
	ctx      context.Context
	cancel   context.CancelFunc
	decided  atomic.Bool
}

// Identity says what the transport knows of the client.
func (l *Login) Identity() transport.Identity { return l.identity }

// Context ends when the client has gone, or was accepted or rejected.
func (l *Login) Context() context.Context { return l.ctx }

// Ask sends the client a question (SV_AuthenticateRequest). data is what the
// game's clients understand, at most 65,535 bytes; more rejects the client.
// There may be several questions, each with one answer.
func (l *Login) Ask(data []byte) {
	l.do(func(p *peer) { p.ask(data) })
}

// Accept lets the client in with an account, which world.Client.Account
// returns. If it is comparable, not nil, and that of a client who is in the world,
// by this server or another one of it, this one is rejected: it is already signed
// in. A client that vanished is in until Config.SilentTimeout; an Authenticator
// that would rather have the new one kicks the old one, by World.Do, before it
// accepts.
func (l *Login) Accept(account any) {
	if l.decided.CompareAndSwap(false, true) {
		l.cancel()
		l.do(func(p *peer) { p.letIn(account) })
	}
}

// Reject sends the client away. It is told the reason.
func (l *Login) Reject(reason string) {
	if l.decided.CompareAndSwap(false, true) {
		l.cancel()
		l.do(func(p *peer) { p.reject(rejectedLogin, reason) })
	}
}

// do runs f in the world's goroutine if the client still waits to be let in.
func (l *Login) do(f func(p *peer)) {
	p := l.peer
	p.server.world.Do(func() {
		if p.state.Load() == stateAuthenticating {
			f(p)
			p.flush()
		}
	})
}

// CheckLogin returns an Authenticator that sends each client one question and
// has check say who the client is by its answer, or, by an error, that it is
// rejected and why, in words for the player. check runs on a goroutine of its
// own, may take its time, and should give up when ctx ends.
func CheckLogin(question []byte, check func(ctx context.Context, l *Login, answer []byte) (account any, err error)) Authenticator {
	return &checkLogin{question, check}
}

type checkLogin struct {
	question []byte
	check    func(ctx context.Context, l *Login, answer []byte) (account any, err error)
}

func (c *checkLogin) Start(l *Login) { l.Ask(c.question) }

func (c *checkLogin) Answer(l *Login, data []byte) {
	go func() {
		account, err := c.check(l.Context(), l, data)
		if err != nil {
			l.Reject(err.Error())
			return
		}
		l.Accept(account)
	}()
}

// authenticate starts the authentication of a client whose hello was right.
func (p *peer) authenticate() {
	l := &Login{peer: p, identity: p.conn.Identity()}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	p.login.Store(l)
	b, err := wire.HelloResponse{Accepted: true, WantAuth: true, Extension: p.extension()}.Append(nil)
	if err != nil {
		p.reject(rejectedProtocol, err.Error())
		return
	}
	if !p.enter(stateUnverified, stateAuthenticating) {
		l.cancel() // the session may have ended before there was something to cancel
		return
	}
	if p.sendReliable(b) {
		p.server.settings.Authenticator.Start(l)
	}
}

// ask sends one question.
func (p *peer) ask(data []byte) {
	b, err := wire.AuthenticateRequest{Data: data}.Append(nil)
	if err != nil {
		p.reject(rejectedLogin, "the server's question is too long: "+err.Error())
		return
	}
	p.asked++
	p.sendReliable(b)
}

// answer hands an answer to the Authenticator. An answer without a question is one
// message too many.
func (p *peer) answer(m *message) {
	if p.asked == 0 {
		p.wrongState(m.typ)
		return
	}
	p.asked--
	m.keep()
	p.server.settings.Authenticator.Answer(p.login.Load(), m.data)
}
