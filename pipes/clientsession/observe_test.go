package clientsession

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// sight writes down what the session's owner is told.
type sight struct{ st *stage }

func (v sight) see(format string, args ...any) {
	v.st.seen = append(v.st.seen, fmt.Sprintf(format, args...))
}

func (v sight) Welcomed() {
	s := v.st.session
	v.see("welcome %d rate %d tick %d extended %v", s.ClientID(), s.Clock().Rate(), s.Clock().Tick(), s.Extended())
}

func (v sight) Generated(o *Object) {
	owned := ""
	if o.Owned() {
		owned = " owned"
	}
	v.see("generated %d %s zone %d tick %d%s", o.ID(), o.Class().Name(), o.Zone(), o.Tick(), owned)
}

func (v sight) Announced(o *Object) { v.see("announced %d", o.ID()) }

func (v sight) Updating(*Object) {}

func (v sight) Updated(o *Object, fields []int) {
	line := fmt.Sprintf("updated %d tick %d", o.ID(), o.Tick())
	for _, i := range fields {
		f := o.Class().Fields()[i]
		line += fmt.Sprintf(" %s %s", f.Name(), text(f, o.Value(i)))
	}
	v.see("%s", line)
}

func (v sight) ZoneChanged(o *Object, from uint32) {
	v.see("moved %d from %d to %d", o.ID(), from, o.Zone())
}

func (v sight) Message(o *Object, m Message) {
	v.see("message %d %v %s tick %d", o.ID(), m.Field.Name(), text(m.Field, m.Args), m.Tick)
}

func (v sight) Removed(o *Object) { v.see("removed %d %v", o.ID(), o.Lifecycle()) }

func (v sight) InterestComplete(id uint32) { v.see("complete %d", id) }

func (v sight) Snapshot(s Snapshot) {
	whole := ""
	if s.Whole {
		whole = " whole"
	}
	v.see("snapshot %d%s", s.Tick, whole)
}

func (v sight) RatesGranted(update, command uint16) { v.see("rates %d %d", update, command) }

func (v sight) Ended(err error) { v.see("ended %v", err) }

// text is a value as Panda3D writes it, without the field's own name.
func text(f *dc.Field, packed []byte) string {
	b, err := f.AppendText(nil, packed)
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(string(b), f.Name()+" = ")
}

// ear writes down what the server gets.
type ear struct{ st *stage }

func (e ear) Send(m transport.Message) error {
	if e.st.full {
		return transport.ErrFull
	}
	line, err := e.describe(m.Data)
	if err != nil {
		line = err.Error()
	}
	switch m.Mode {
	case transport.Unreliable:
		line += " unreliably"
	case transport.Latest:
		line += " latest"
	}
	e.st.sent = append(e.st.sent, line)
	return nil
}

// describe tells a client's message in words.
func (e ear) describe(msg []byte) (string, error) {
	t, body, err := wire.Split(msg)
	if err != nil {
		return "", err
	}
	switch t {
	case wire.CLHello:
		m, err := wire.DecodeHello(body)
		if m.DCHash != e.st.schema.Hash() {
			return "", errors.New("another hash")
		}
		line := fmt.Sprintf("hello %q rates %d %d", m.Password, m.UpdateRate, m.CommandRate)
		if m.Extension.Present {
			line += fmt.Sprintf(" offers %d", m.Extension.Features)
		}
		return line, err
	case wire.CLAuthenticateResponse:
		m, err := wire.DecodeAuthenticateAnswer(body)
		return fmt.Sprintf("answer %s", m.Data), err
	case wire.CLSetInterest, wire.CLAddInterest, wire.CLRemoveInterest, wire.ExtSetInterest, wire.ExtAddInterest, wire.ExtRemoveInterest:
		m, err := wire.DecodeInterest(t, body)
		line := fmt.Sprintf("%v %d zones", t, m.Handle)
		if len(m.Zones) > 10 {
			return fmt.Sprintf("%s %d to %d", line, m.Zones[0], m.Zones[len(m.Zones)-1]), err
		}
		for _, z := range m.Zones {
			line += fmt.Sprintf(" %d", z)
		}
		return line, err
	case wire.CLTick:
		m, err := wire.DecodeTickAck(body)
		return fmt.Sprintf("ack %d frame %v", m.Tick, time.Duration(float64(m.Frame)*1e9).Round(time.Millisecond)), err
	case wire.ExtAck:
		m, err := wire.DecodeAck(body)
		line := fmt.Sprintf("ack delay %v parts", m.Delay)
		for n := range m.Parts() {
			line += fmt.Sprintf(" %d", n)
		}
		return line, err
	case wire.BObjectMessage:
		m, err := wire.DecodeObjectMessage(body)
		if err != nil {
			return "", err
		}
		f := e.st.schema.FieldByNumber(int(m.Field))
		return fmt.Sprintf("call %d %v %s", m.DoID, f, text(f, m.Args)), nil
	case wire.CLInformPing:
		m, err := wire.DecodeInformPing(body)
		return fmt.Sprintf("informed %v", m.RTT), err
	case wire.ExtPing:
		m, err := wire.DecodePing(t, body)
		return fmt.Sprintf("ping %d", m.Number), err
	case wire.CLPing:
		return "ping", nil
	case wire.CLDisconnect:
		return "goodbye", nil
	case wire.CLSetUpdateRate, wire.CLSetCMDRate:
		m, err := wire.DecodeSetRate(t, body)
		return fmt.Sprintf("%v %d", t, m.Rate), err
	case wire.ExtSetRates:
		m, err := wire.DecodeRates(t, body)
		return fmt.Sprintf("rates %d %d", m.Update, m.Command), err
	}
	return "", fmt.Errorf("unexpected %v", t)
}
