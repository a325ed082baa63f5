package ai

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// DefaultStateServer is the control channel of the state server of "culm serve
// game.dc".
const DefaultStateServer = 4002

// Config is what an AI is made from. Zero means the default.
type Config struct {
	// Schema is what the game's .dc files declare. It is required, and has to
	// be parsed with multiple inheritance, the default.
	Schema *dc.Schema

	// Address is where the message director listens, "host:port". TLS, if it
	// is not nil, is how the AI speaks with it. Dial takes the place of both.
	Address string
	TLS     *tls.Config
	Dial    func(ctx context.Context, h transport.Handler) (transport.Conn, error)

	// Channel is the AI's own: the sender of all that it sends. It is required,
	// and no two AIs of a cluster may have the same.
	Channel uint64
	// StateServer is the control channel of the state server that is to hold
	// its objects. Default [DefaultStateServer].
	StateServer uint64
	// FirstID and LastID bound the doIds that the AI gives its objects, but for
	// that which is its own channel. No two AIs may share any. Without them each [Create] needs a doId of its own.
	FirstID, LastID uint32

	// QueryTimeout is how long answers are waited for. Default 5 s.
	QueryTimeout time.Duration
	// MinBackoff and MaxBackoff are the first and the longest pause before
	// another attempt to connect. Default 250 ms and 10 s.
	MinBackoff, MaxBackoff time.Duration

	// Events are called back.
	Events Events

	// Log gets what happens; nil means slog.Default().
	Log *slog.Logger
}

// Events are an AI's callbacks; nil ones are not called.
type Events struct {
	// Connected tells that the link is up. The AI's objects are on their way
	// to the state server again.
	Connected func()
	// Lost tells that the link is lost, and Run connects again, or that Run is
	// at its end. Adopted objects, session objects and those of interests are
	// gone by then.
	Lost func()
	// Adopted tells of an object that somebody else has created and whose AI
	// this one has become, by [Object.SetAI] or as that of its parent. It
	// returns the object's handler, or nil.
	Adopted func(o *Object) any
	// InterestDone tells that a client has all objects of an interest that
	// [Session.AddInterest] has opened or changed, or that
	// [Session.RemoveInterest] has closed one.
	InterestDone func(s Session, id uint16)
	// Message gets messages to the AI's channels that this package makes
	// nothing of. The payload is valid only during the call.
	Message func(typ uint16, sender uint64, payload []byte)
}

func (c Config) complete() (Config, error) {
	switch {
	case c.Schema == nil:
		return c, errors.New("ai: Config.Schema is missing: parse the game's DC files with dc.ParseFiles")
	case c.Channel == 0:
		return c, errors.New("ai: Config.Channel is missing: choose a channel that nobody else has, like 1000000")
	case messagedirector.ReservedChannel(c.Channel):
		return c, fmt.Errorf("ai: Config.Channel %d belongs to the protocol: choose one from 1000 on", c.Channel)
	case c.FirstID > c.LastID:
		return c, fmt.Errorf("ai: Config.FirstID %d is more than LastID %d", c.FirstID, c.LastID)
	case c.LastID != 0 && messagedirector.ReservedDoID(c.FirstID):
		return c, fmt.Errorf("ai: Config.FirstID %d belongs to the protocol: choose one from 1000 on", c.FirstID)
	case c.Address == "" && c.Dial == nil:
		return c, errors.New("ai: Config.Address is missing: it is where the message director listens, like 127.0.0.1:7199")
	}
	for _, class := range c.Schema.Classes() {
		for _, f := range class.Fields() {
			if f.Number() > math.MaxUint16 || c.Schema.FieldByNumber(f.Number()) != f {
				return c, errors.New("ai: the schema was parsed without multiple inheritance, so that fields share their numbers; Astron's protocol cannot tell them apart")
			}
		}
	}
	if c.Dial == nil {
		link := tcp.Config{SendQueue: messagedirector.DefaultSendQueue, Pace: -1, TLS: c.TLS}
		c.Dial = func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			conn, err := tcp.Dial(ctx, c.Address, link, h)
			if err != nil {
				return nil, err
			}
			return conn, nil
		}
	}
	c.StateServer = cmp.Or(c.StateServer, DefaultStateServer)
	c.QueryTimeout = cmp.Or(c.QueryTimeout, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, nil
}
