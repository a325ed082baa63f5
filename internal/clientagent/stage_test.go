package clientagent

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/messagedirector/mdtest"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parsed is the schema of tests.
var parsed = sync.OnceValues(func() (*dc.Schema, error) { return dc.ParseFiles("testdata/game.dc") })

func game(t testing.TB) *dc.Schema {
	t.Helper()
	schema, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// testConfig is the configuration of tests, with few channels.
func testConfig(t testing.TB) Config {
	return Config{
		Schema: game(t), Hash: 1, Version: "dev", MinChannel: 5000, MaxChannel: 5009,
		UberDOGs: []UberDOG{{ID: 1234, Class: "Login", Anonymous: true}, {ID: 1235, Class: "Chat"}},
		Interest: InterestEnabled,
	}
}

// clientTypes are the client's messages in stories.
var clientTypes = map[md.Type]mdtest.Layout{
	md.Type(Hello):                         {Name: "HELLO", Payload: "u32 str"},
	md.Type(HelloResp):                     {Name: "HELLO_RESP"},
	md.Type(Disconnect):                    {Name: "DISCONNECT"},
	md.Type(Eject):                         {Name: "EJECT", Payload: "u16 reason"},
	md.Type(Heartbeat):                     {Name: "HEARTBEAT"},
	md.Type(ObjectSetField):                {Name: "SET_FIELD", Payload: "u32 entry"},
	md.Type(ObjectSetFields):               {Name: "SET_FIELDS", Payload: "u32 entries"},
	md.Type(ObjectLeaving):                 {Name: "LEAVING", Payload: "u32"},
	md.Type(ObjectLocation):                {Name: "LOCATION", Payload: "u32 u32 u32"},
	md.Type(EnterObjectRequired):           {Name: "ENTER", Payload: "u32 u32 u32 class REQ_C"},
	md.Type(EnterObjectRequiredOther):      {Name: "ENTER_OTHER", Payload: "u32 u32 u32 class REQ_C OTHER"},
	md.Type(ObjectLeavingOwner):            {Name: "LEAVING_OWNER", Payload: "u32"},
	md.Type(EnterObjectRequiredOwner):      {Name: "ENTER_OWNER", Payload: "u32 u32 u32 class REQ_O"},
	md.Type(EnterObjectRequiredOtherOwner): {Name: "ENTER_OTHER_OWNER", Payload: "u32 u32 u32 class REQ_O OTHER"},
	md.Type(AddInterest):                   {Name: "ADD_INTEREST", Payload: "u32 u16 u32 u32"},
	md.Type(AddInterestMultiple):           {Name: "ADD_INTEREST_MULTIPLE", Payload: "u32 u16 u32 zones"},
	md.Type(RemoveInterest):                {Name: "REMOVE_INTEREST", Payload: "u32 u16"},
	md.Type(DoneInterestResp):              {Name: "DONE_INTEREST", Payload: "u32 u16"},
}

// theatre is an agent in stories, whose time passes when the story says so.
type theatre struct {
	t      testing.TB
	agent  *Agent
	core   *door
	now    atomic.Int64
	addr   string // over TCP, once somebody has connected
	spy    *spy
	events []Event
}

func newTheatre(t testing.TB, d *md.Director, c Config) *theatre {
	th := &theatre{t: t}
	c.Event = func(e Event) { th.events = append(th.events, e) }
	a, err := New(d, c)
	if err != nil {
		t.Fatal(err)
	}
	a.clock = func() time.Duration { return time.Duration(th.now.Load()) }
	th.agent = a
	th.core = a.newDoor(func([]transport.Conn) {})
	t.Cleanup(th.core.outlet.Close)
	return th
}

// pass lets time pass.
func (th *theatre) pass(d time.Duration) {
	th.now.Add(int64(d))
	done := make(chan struct{})
	th.agent.director.Do(func() {
		th.agent.tick()
		close(done)
	})
	<-done
}

// fakeConn is a connection that keeps what it is sent.
type fakeConn struct {
	transport.Conn // for the methods that nobody calls
	mu             sync.Mutex
	sent           [][]byte
	closed         bool
	full           bool // Send answers ErrFull
	budget         int
	held           time.Duration
	stats          transport.Stats
	remote, local  net.Addr
	tlvs           []byte
	check          bool
}

func (c *fakeConn) Send(m transport.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return transport.ErrClosed
	case c.full:
		return transport.ErrFull
	}
	c.sent = append(c.sent, bytes.Clone(m.Data))
	return nil
}

func (c *fakeConn) Close(transport.Code, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}
func (c *fakeConn) Hold(d time.Duration)   { c.held += d }
func (c *fakeConn) Stats() transport.Stats { return c.stats }
func (c *fakeConn) Budget() int            { return c.budget }
func (c *fakeConn) LocalAddr() net.Addr    { return c.local }
func (c *fakeConn) ProxyTLVs() []byte      { return c.tlvs }
func (c *fakeConn) ProxyCheck() bool       { return c.check }
func (c *fakeConn) Identity() transport.Identity {
	if c.remote == nil {
		return transport.Identity{Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}}
	}
	return transport.Identity{Addr: c.remote}
}

func (c *fakeConn) take() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.sent
	c.sent = nil
	return sent
}

// coreClient is a client whose connection is made up.
type coreClient struct {
	th   *theatre
	conn *fakeConn
	left bool
}

func (th *theatre) connect() *coreClient {
	c := &coreClient{th: th, conn: new(fakeConn)}
	th.core.Opened(c.conn)
	return c
}

func (c *coreClient) Send(messages [][]byte) { c.th.core.Received(c.conn, messages) }
func (c *coreClient) Settle()                {}
func (c *coreClient) Received() [][]byte     { return c.conn.take() }
func (c *coreClient) Gone() bool             { return c.conn.closed }
func (c *coreClient) Leave() {
	if !c.left {
		c.left = true
		c.th.core.Closed(c.conn, io.EOF)
	}
}

// spy stands before the agent to learn what its connections get.
type spy struct {
	transport.Listener
	transport.Handler
	opened   chan transport.Conn
	closed   chan transport.Conn
	received chan int
}

func (s *spy) Serve(ctx context.Context, h transport.Handler) error {
	s.Handler = h
	return s.Listener.Serve(ctx, s)
}

func (s *spy) Opened(c transport.Conn) {
	s.Handler.Opened(c)
	s.opened <- c
}

func (s *spy) Received(c transport.Conn, m [][]byte) {
	n := len(m)
	s.Handler.Received(c, m)
	s.received <- n
}

func (s *spy) Closed(c transport.Conn, err error) {
	s.Handler.Closed(c, err)
	s.closed <- c
}

// listen lets the agent serve on TCP.
func (th *theatre) listen() {
	l, err := tcp.Listen("127.0.0.1:0", tcp.Config{Pace: -1, Linger: time.Minute})
	if err != nil {
		th.t.Fatal(err)
	}
	th.addr = l.Addr().String()
	th.spy = &spy{Listener: l, opened: make(chan transport.Conn, 100), closed: make(chan transport.Conn, 100), received: make(chan int, 10000)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- th.agent.Serve(ctx, th.spy) }()
	th.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			th.t.Error(err)
		}
	})
}

// tcpClient is a client with a socket.
type tcpClient struct {
	th      *theatre
	wire    net.Conn
	conn    transport.Conn // the agent's end
	session *client
	unheard int // messages that were sent and are not known to have arrived
	read    uint64
	left    bool
}

func (th *theatre) dial() *tcpClient {
	if th.spy == nil {
		th.listen()
	}
	wire, err := net.Dial("tcp", th.addr)
	if err != nil {
		th.t.Fatal(err)
	}
	th.t.Cleanup(func() { _ = wire.Close() })
	c := &tcpClient{th: th, wire: wire, conn: <-th.spy.opened}
	if v, ok := th.agent.clients.Load(c.conn); ok {
		c.session = v.(*client)
	}
	return c
}

func (c *tcpClient) Send(messages [][]byte) {
	var all []byte
	for _, m := range messages {
		all = append(binary.LittleEndian.AppendUint16(all, uint16(len(m))), m...)
	}
	if _, err := c.wire.Write(all); err != nil {
		c.th.t.Fatal(err)
	}
	c.unheard += len(messages)
}

func (c *tcpClient) Settle() {
	for c.unheard > 0 {
		c.unheard -= <-c.th.spy.received
	}
}

// Received reads as many messages as the agent has sent.
func (c *tcpClient) Received() (all [][]byte) {
	for n := c.conn.Stats().MessagesSent; c.read < n; c.read++ {
		var head [2]byte
		_, err := io.ReadFull(c.wire, head[:])
		m := make([]byte, binary.LittleEndian.Uint16(head[:]))
		if err == nil {
			_, err = io.ReadFull(c.wire, m)
		}
		if err != nil {
			c.th.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// Gone reads the end of the stream if there should be one.
func (c *tcpClient) Gone() bool {
	if c.session != nil && !c.session.deaf.Load() {
		return false
	}
	if n, err := c.wire.Read(make([]byte, 1)); err != io.EOF {
		c.th.t.Errorf("%d bytes and %v instead of the end", n, err)
	}
	return true
}

func (c *tcpClient) Leave() {
	if c.left {
		return
	}
	c.left = true
	_ = c.wire.Close()
	if got := <-c.th.spy.closed; got != c.conn {
		c.th.t.Error("another connection was lost")
	}
}

// TestStories plays testdata/stories on the core and over TCP.
func TestStories(t *testing.T) {
	schema := game(t)
	var th *theatre
	mdtest.Run(t, "testdata/stories/*.txt", mdtest.Role{
		Open: func(t testing.TB, d *md.Director, settings map[string]string) {
			th = newTheatre(t, d, storyConfig(t, settings))
		},
		Count: func(name string) (uint64, bool) {
			s := th.agent.Stats()
			n, ok := map[string]uint64{
				"clients": uint64(s.Clients), "objects": uint64(s.Objects), "interests": uint64(s.Interests), "pending": uint64(s.PendingBytes),
				"connected": s.Connected, "disconnected": s.Disconnected, "lost": s.Lost, "ignored": s.Ignored,
				"operations": s.Operations, "timeouts": s.Timeouts, "late": s.Late,
			}[name]
			return n, ok
		},
		Codec:       &mdtest.Codec{Schema: schema},
		ClientCodec: &mdtest.Codec{Schema: schema, Types: clientTypes},
		Connect: func(_ testing.TB, tcp bool, _ string) mdtest.Client {
			if tcp {
				return th.dial()
			}
			return th.connect()
		},
		Line: func(words []string) error {
			if words[0] != "time" || len(words) != 3 {
				return fmt.Errorf("what is %q?", words)
			}
			d, err := time.ParseDuration(words[2])
			th.pass(d)
			return err
		},
	})
}

// storyConfig is the configuration of a story.
func storyConfig(t testing.TB, settings map[string]string) Config {
	c := testConfig(t)
	numbers := map[string]*int{
		"interests": &c.Limits.Interests, "zones": &c.Limits.Zones, "pending": &c.Limits.Pending, "declared": &c.Limits.Declared,
		"session": &c.Limits.Session, "channels": &c.Limits.Channels, "post-removes": &c.Limits.PostRemoves,
		"historical": &c.Limits.Historical, "clients": &c.Limits.Clients, "per-address": &c.Limits.PerAddress,
	}
	times := map[string]*time.Duration{
		"heartbeat": &c.HeartbeatTimeout, "hello": &c.HelloTimeout, "auth": &c.AuthTimeout, "history": &c.HistoricalTTL,
	}
	for name, value := range settings {
		var err error
		switch {
		case numbers[name] != nil:
			*numbers[name], err = strconv.Atoi(value)
		case times[name] != nil:
			*times[name], err = time.ParseDuration(value)
		case name == "interest":
			c.Interest = map[string]InterestPolicy{"visible": InterestVisible, "enabled": InterestEnabled, "disabled": InterestDisabled}[value]
		case name == "relocate":
			c.Relocate = value == "true"
		case name == "strict":
			c.StrictCLRecv = value == "true"
		case name == "last-channel":
			c.MaxChannel, err = strconv.ParseUint(value, 10, 64)
		case name == "whitelist", name == "blacklist":
			var z ZoneRange
			_, err = fmt.Sscanf(value, "%d-%d", &z.Min, &z.Max)
			c.Zones = &ZonePolicy{Blacklist: name == "blacklist", Zones: []ZoneRange{z}}
		default:
			err = fmt.Errorf("no setting %q", name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}
