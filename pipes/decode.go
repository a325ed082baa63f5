package pipes

import (
	"bytes"
	"fmt"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
)

// message is one message of a client, decoded and checked against the schema.
// What it cannot be checked for without knowing the client's state and the
// world is the world's goroutine's to judge.
type message struct {
	typ     wire.Type
	refused refusal // of an object message: its arguments are not to be used

	// at is when it arrived, and due when it takes effect, in nanoseconds on
	// the server's clock. due is 0 but for commands that came too fast.
	at, due int64

	handle          uint16 // of an interest
	update, command uint16 // rates; each 0 when the message does not name it
	number          uint16 // of a ping
	doID            uint32
	tick            uint32 // CL_Tick
	field           *dc.Field
	// data is an object message's arguments, or the answer of
	// CL_AuthenticateResponse: part of the client's message, or of an inbox.
	data  []byte
	zones []uint32
	rtt   time.Duration // CL_InformPing
	hello *wire.Hello
	ack   wire.Ack // Ext_Ack
}

// decode reads a message. An error means that it is malformed. A type that is
// unknown, or only sent by servers, is none.
func decode(schema *dc.Schema, b []byte) (m message, err error) {
	t, body, err := wire.Split(b)
	if err != nil {
		return m, err
	}
	m.typ = t
	switch t {
	case wire.CLHello:
		var h wire.Hello
		h, err = wire.DecodeHello(body)
		m.hello = &h
	case wire.CLSetUpdateRate, wire.CLSetCMDRate:
		var r wire.SetRate
		r, err = wire.DecodeSetRate(t, body)
		// A panda3d-pipes server ends on a rate of 0. Here it is clamped
		// like any other that is too low.
		if t == wire.CLSetUpdateRate {
			m.update = max(uint16(r.Rate), 1)
		} else {
			m.command = max(uint16(r.Rate), 1)
		}
	case wire.ExtSetRates:
		var r wire.Rates
		r, err = wire.DecodeRates(t, body)
		m.update, m.command = r.Update, r.Command
	case wire.CLSetInterest, wire.CLAddInterest, wire.CLRemoveInterest,
		wire.ExtSetInterest, wire.ExtAddInterest, wire.ExtRemoveInterest:
		var i wire.Interest
		i, err = wire.DecodeInterest(t, body)
		m.handle, m.zones = i.Handle, i.Zones
	case wire.CLTick:
		var a wire.TickAck
		a, err = wire.DecodeTickAck(body)
		m.tick = uint32(a.Tick) // a negative one is of a tick in a year, and so never sent
	case wire.ExtAck:
		m.ack, err = wire.DecodeAck(body)
	case wire.ExtPing:
		var p wire.Ping
		p, err = wire.DecodePing(t, body)
		m.number = p.Number
	case wire.CLInformPing:
		var p wire.InformPing
		p, err = wire.DecodeInformPing(body)
		m.rtt = p.RTT
	case wire.CLAuthenticateResponse:
		var a wire.AuthenticateAnswer
		a, err = wire.DecodeAuthenticateAnswer(body)
		m.data = a.Data
	case wire.BObjectMessage:
		err = m.objectMessage(schema, body)
	}
	return m, err
}

// objectMessage reads B_ObjectMessage. Whether the object has the field is for
// the world to say, but a field that the schema lacks, or that is no message,
// is not one that an honest client could name.
func (m *message) objectMessage(schema *dc.Schema, body []byte) error {
	o, err := wire.DecodeObjectMessage(body)
	if err != nil {
		return err
	}
	m.doID = o.DoID
	m.field = schema.FieldByNumber(int(o.Field))
	if m.field == nil {
		return &wire.Error{Type: m.typ, Err: fmt.Errorf("field %d is not in the schema", o.Field)}
	}
	m.data, err = o.Arguments(m.field)
	return err
}

// cost is what a message counts towards the limits of an inbox.
func (m *message) cost() int {
	n := 64 + len(m.data) + 4*len(m.zones)
	if m.hello != nil {
		n += len(m.hello.Password)
	}
	return n
}

// keep makes m independent of the bytes that it was decoded from.
func (m *message) keep() { m.data = bytes.Clone(m.data) }
