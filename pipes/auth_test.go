package pipes

import (
	"context"
	"errors"
	"net"
	"testing"
)

// loginStage is a stage whose clients are checked by a function.
func loginStage(t *testing.T, check func(context.Context, *Login, []byte) (any, error)) *stage {
	t.Helper()
	st := newStage()
	st.config.Authenticator = CheckLogin([]byte("who?"), check)
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestCheckLogin(t *testing.T) {
	done := make(chan struct{})
	st := loginStage(t, func(_ context.Context, l *Login, answer []byte) (any, error) {
		defer close(done)
		if l.Identity().Addr.String() != "192.0.2.1:1000" {
			t.Errorf("the client is %v", l.Identity().Addr)
		}
		if string(answer) == "ann" {
			return 17, nil
		}
		return nil, errors.New("nobody knows you")
	})
	c := st.connect("ann", net.IPv4(192, 0, 2, 1))
	st.send(c, must(c.encode("hello")), must(c.encode("hex 1500 0300 626f62")))
	if !c.closed || c.code != CodeWrongState {
		t.Errorf("an answer before the question: closed %v, %s", c.closed, c.reason)
	}

	c = st.connect("bob", net.IPv4(192, 0, 2, 1))
	st.conns[1].addr = st.conns[0].addr
	st.send(c, must(c.encode("hello")))
	st.step() // CheckLogin asks
	st.send(c, must(c.encode("auth ann")))
	<-done
	for st.client("bob") == nil {
		st.step() // until the goroutine has accepted it
	}
	if account := st.client("bob").Account(); account != 17 {
		t.Errorf("the account is %v", account)
	}
}

// Whoever checks a login learns that the client has gone, even when the world
// stands still or has ended.
func TestLoginEndsWithItsClient(t *testing.T) {
	for _, how := range []string{"leaves", "times out", "world stops"} {
		t.Run(how, func(t *testing.T) {
			ended := make(chan struct{})
			st := loginStage(t, func(ctx context.Context, _ *Login, _ []byte) (any, error) {
				<-ctx.Done()
				close(ended)
				return nil, ctx.Err()
			})
			c := st.connect("ann", net.IPv4(192, 0, 2, 1))
			st.send(c, must(c.encode("hello")))
			st.step()
			st.send(c, must(c.encode("auth ann")))
			switch how {
			case "leaves":
				st.server.Closed(c, nil)
			case "times out":
				st.now = st.now.Add(DefaultAuthTimeout)
				st.server.tick(st.now)
			case "world stops":
				st.world.Stop()
				st.server.Closed(c, nil)
			}
			<-ended
			st.step()
		})
	}
}

// An Authenticator that kicks who has the account lets the newcomer in.
func TestNewcomerTakesAccountOver(t *testing.T) {
	st := newStage()
	st.config.Authenticator = storyAuthenticator{st}
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	old := st.connect("old", net.IPv4(192, 0, 2, 1))
	st.send(old, must(old.encode("hello")))
	st.logins["old"].Accept("ann")
	st.step()
	c := st.connect("new", net.IPv4(192, 0, 2, 2))
	st.send(c, must(c.encode("hello")))
	st.world.Do(func() {
		st.client("old").Kick("you came in from elsewhere")
		st.logins["new"].Accept("ann")
	})
	st.step()
	st.step()
	if client := st.client("new"); client == nil || client.Account() != "ann" || !old.closed {
		t.Errorf("the newcomer is %v, closed %v %s; the old one closed %v", client, c.closed, c.reason, old.closed)
	}
}

// Nobody is in a world twice, though it may have several servers: one for each
// transport.
func TestAccountOfAnotherServer(t *testing.T) {
	st := newStage()
	st.config.Authenticator = storyAuthenticator{st}
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	enter := func(name string, account any) *fakeConn {
		c := st.connect(name, net.IPv4(192, 0, 2, 1))
		st.send(c, must(c.encode("hello")))
		st.logins[name].Accept(account)
		st.step()
		return c
	}
	first := enter("ann", "ann")
	// An account that cannot be compared is nobody's.
	blob := enter("bob", []byte("bob"))
	other := must(NewServer(st.config))
	other.made, other.now = st.server.made, st.server.now
	st.server = other
	if c := enter("cid", []byte("bob")); first.closed || blob.closed || c.closed {
		t.Errorf("closed: %q, %q, %q", first.reason, blob.reason, c.reason)
	}
	if c := enter("dan", "ann"); !c.closed || c.reason != "already signed in" {
		t.Errorf("closed %v: %q", c.closed, c.reason)
	}
}
