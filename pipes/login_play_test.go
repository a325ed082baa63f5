package pipes_test

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

// guards lets in who answers its question with "friend", as the account "friend".
type guards struct{}

func (guards) Start(l *pipes.Login) { l.Ask([]byte("who?")) }

func (guards) Answer(l *pipes.Login, data []byte) {
	if string(data) != "friend" {
		l.Reject("go away")
		return
	}
	l.Accept(string(data))
}

// TestPlayLogin lets Culm's own client sessions in, or not, over a network that
// loses much.
func TestPlayLogin(t *testing.T) {
	schema, err := dc.ParseFiles("wire/testdata/pipes.dc")
	if err != nil {
		t.Fatal(err)
	}
	other, err := dc.Parse(dc.Source{Name: "other.dc", Text: []byte("dclass Other { a(); };")})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(text string) func(*clientsession.Session, []byte) {
		return func(s *clientsession.Session, request []byte) {
			if err := s.Answer([]byte(strings.Replace(text, "?", string(request), 1))); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		server pipes.Config
		client clientsession.Config
		end    error
		reason string
	}{
		{"open", pipes.Config{}, clientsession.Config{}, nil, ""},
		{"password", pipes.Config{Password: "x"}, clientsession.Config{Password: "x"}, nil, ""},
		{"wrong password", pipes.Config{Password: "x"}, clientsession.Config{Password: "y"}, clientsession.ErrRejected, "password"},
		{"other DC files", pipes.Config{}, clientsession.Config{Schema: other}, clientsession.ErrRejected, "DC"},
		{"friend", pipes.Config{Authenticator: guards{}}, clientsession.Config{Authenticate: answer("friend")}, nil, ""},
		{"foe", pipes.Config{Authenticator: guards{}}, clientsession.Config{Authenticate: answer("foe to ?")}, clientsession.ErrRejected, "go away"},
		{"silent", pipes.Config{Authenticator: guards{}}, clientsession.Config{}, clientsession.ErrAuthentication, ""},
	} {
		for _, plain := range []bool{false, true} {
			quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
			c.server.World, err = world.New(world.Config{Schema: schema, Log: quiet})
			if err != nil {
				t.Fatal(err)
			}
			c.server.Log = quiet
			server, err := pipes.NewServer(c.server)
			if err != nil {
				t.Fatal(err)
			}
			link := memory.Link{Latency: 20 * time.Millisecond, Loss: 0.2}
			net := memory.New(memory.Config{Seed: 1, Up: link, Down: link})
			listener, err := net.Listen("server")
			if err != nil {
				t.Fatal(err)
			}
			if err := listener.Start(server); err != nil {
				t.Fatal(err)
			}
			g := &guest{net: net}
			conn, err := net.Dial("server", g)
			if err != nil {
				t.Fatal(err)
			}
			if c.client.Schema == nil {
				c.client.Schema = schema
			}
			c.client.Plain = plain
			if g.session, err = clientsession.New(c.client, conn); err != nil {
				t.Fatal(err)
			}
			for range 100 {
				net.Step(20 * time.Millisecond)
				c.server.World.Step(playStart.Add(net.Now()))
				g.session.Frame(playStart.Add(net.Now()))
				conn.Flush()
			}
			s := g.session
			if err := s.Err(); !errors.Is(err, c.end) || err != nil && !strings.Contains(err.Error(), c.reason) || s.Welcomed() != (c.end == nil) {
				t.Errorf("%s, plain %v: %v, let in %v", c.name, plain, err, s.Welcomed())
			}
			if s.Welcomed() && (s.Extended() == plain || c.server.World.Client(s.ClientID()) == nil) {
				t.Errorf("%s, plain %v: extended %v, client %d", c.name, plain, s.Extended(), s.ClientID())
			}
		}
	}
}

// guest is a client's end of a network.
type guest struct {
	net     *memory.Network
	session *clientsession.Session
}

func (g *guest) Opened(transport.Conn) { g.session.Start(playStart.Add(g.net.Now())) }

func (g *guest) Received(c transport.Conn, msgs [][]byte) {
	g.session.Receive(playStart.Add(g.net.Now()), msgs)
	c.Flush()
}

func (g *guest) Closed(_ transport.Conn, err error) { g.session.ConnectionClosed(err) }
