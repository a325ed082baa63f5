package clientagent

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/internal/loglimit"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

const defaultBacklog = md.DefaultBacklog

// Agent is a client agent beside a director. [Agent.Serve] brings it clients.
type Agent struct {
	director  *md.Director
	settings  *settings
	log       *loglimit.Logger // for what clients can cause as often as they like
	admission *session.Admission
	clock     func() time.Duration // since some moment; never goes back

	// Inside the order:
	channels   channels
	sessions   int
	operations deadlines // of interests that open
	hellos     deadlines
	logins     deadlines
	heartbeats deadlines
	encoded    encoded
	scratch    datagram.Writer
	count      counters

	// Outside:
	inbounds sync.Pool // of *inbound
	clients  sync.Map  // transport.Conn → *client
	open     sync.WaitGroup
	held     atomic.Uint64

	mu       sync.Mutex
	draining bool
	refused  [refusals]uint64
}

// New makes an agent that takes part in d. The error says which setting is
// wrong.
func New(d *md.Director, c Config) (*Agent, error) {
	s, err := c.complete()
	if err != nil {
		return nil, err
	}
	made := time.Now()
	a := &Agent{
		director:   d,
		settings:   s,
		log:        loglimit.NewLogger(s.Log, logInterval, logKeys),
		admission:  session.NewAdmission(s.Limits.Clients, s.Limits.PerAddress),
		clock:      func() time.Duration { return time.Since(made) },
		channels:   channels{next: s.MinChannel, max: s.MaxChannel},
		operations: deadlines{after: s.InterestTimeout},
		hellos:     deadlines{after: s.HelloTimeout},
		logins:     deadlines{after: s.AuthTimeout},
		heartbeats: deadlines{after: s.HeartbeatTimeout},
	}
	a.count.ejected = make(map[Code]uint64)
	a.inbounds.New = func() any { return newInbound() }
	return a, nil
}

// What a client can cause to be logged, it causes once per logInterval for
// each of logKeys reasons and addresses.
const (
	logInterval = 10 * time.Second
	logKeys     = 256
)

// tick lets deadlines pass. It is called inside the order.
func (a *Agent) tick() {
	now := a.clock()
	a.operations.pass(now)
	a.hellos.pass(now)
	a.logins.pass(now)
	a.heartbeats.pass(now)
}

// encoded is the last message that was encoded for clients, kept because the
// next client is likely to get the same.
type encoded struct {
	serial  uint64 // of the message it was made from; 0 is none
	message transport.Message
}

// shareAbove is from which length on clients' queues share a message instead
// of having a copy each.
const shareAbove = 1 << 10

// encode returns the message for clients that has the type t and what follows
// the first skip bytes of m's payload. It is valid until the next call.
func (a *Agent) encode(m *md.Message, t Type, skip int) transport.Message {
	e := &a.encoded
	if e.serial != 0 && e.serial == m.Serial {
		return e.message
	}
	e.serial = m.Serial
	payload := m.Payload[skip:]
	w := datagram.Writer{Buf: e.message.Data[:0]}
	if e.message.Shared || len(payload) > shareAbove {
		w.Buf = make([]byte, 0, 2+len(payload))
	}
	w.Uint16(uint16(t))
	w.Bytes(payload)
	e.message = transport.Message{Data: w.Buf, Shared: len(payload) > shareAbove}
	return e.message
}

// begin returns where to write a short message of the type t for one client;
// session.sendWritten sends it.
func (a *Agent) begin(t Type) *datagram.Writer {
	a.scratch.Reset()
	a.scratch.Uint16(uint16(t))
	return &a.scratch
}

// warn logs what a server of the game did wrong.
func (s *client) warn(m *md.Message, problem string) {
	s.agent.count.ignored++
	s.agent.log.Log(slog.LevelWarn, problem+" "+m.Type.String(), "message to a client ignored",
		slog.String("reason", problem), slog.Any("type", m.Type), slog.Uint64("sender", m.Sender), slog.Uint64("client", s.channel))
}
