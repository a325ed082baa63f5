package pipes

import (
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// play does what a line of a story says.
func (st *stage) play(line string) error {
	words := strings.Fields(line)
	if words[0] == "limit" {
		return st.limit(words[1], words[2])
	}
	if err := st.open(); err != nil {
		return err
	}
	switch words[0] {
	case "connect":
		addr := net.IPv4(192, 0, 2, 1)
		if len(words) > 2 {
			addr = net.ParseIP(words[2])
		}
		st.connect(words[1], addr)
		return nil
	case "tick":
		n := 1
		if len(words) > 1 {
			n = must(strconv.Atoi(words[1]))
		}
		for range n {
			st.tick()
		}
		return nil
	case "wait": // in one step of the world
		st.now = st.now.Add(must(time.ParseDuration(words[1])))
		st.server.tick(st.now)
		st.step()
		return nil
	case "stop":
		st.world.Stop()
		return nil
	case "drain":
		st.server.drain()
		return nil
	case "game":
		return st.game(words[1], strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "game "+words[1])))
	case "stats":
		st.tell("stats %s=%d", words[1], st.stat(words[1]))
		return nil
	}
	c := st.conn(words[0])
	if c == nil {
		return fmt.Errorf("nobody is called %q", words[0])
	}
	_, rest, _ := strings.Cut(line, words[1])
	switch words[1] {
	case "sends":
		var msgs [][]byte
		for _, text := range strings.Split(rest, "|") { // together
			times := 1
			if n, of, ok := strings.Cut(strings.TrimSpace(text), "x "); ok {
				if k, err := strconv.Atoi(n); err == nil {
					times, text = k, of
				}
			}
			b, err := c.encode(strings.TrimSpace(text))
			if err != nil {
				return err
			}
			for range times {
				msgs = append(msgs, b)
			}
		}
		st.send(c, msgs...)
	case "leaves":
		c.closed, c.told = true, true
		st.server.Closed(c, &transport.CloseError{Remote: true})
		st.step()
	case "byte-for-byte":
		c.hex = true
	case "stalls":
		c.full = true
	case "takes":
		c.budget = must(strconv.Atoi(words[2]))
	case "carries":
		c.maxReliable = must(strconv.Atoi(words[2]))
	case "info":
		i := st.world.Client(uint32(must(strconv.Atoi(words[2])))).Info()
		st.tell("rtt %v, average %v, update rate %v, extension %v, from %s", i.RTT, i.AverageRTT, i.UpdateRate, i.Extension, i.Address)
	case "accepted":
		st.logins[c.name].Accept(words[2])
		st.step()
	case "denied":
		st.logins[c.name].Reject(strings.Join(words[2:], " "))
		st.step()
	case "asked":
		st.logins[c.name].Ask([]byte(words[2]))
		st.step()
	default:
		return fmt.Errorf("unknown words")
	}
	return nil
}

func (st *stage) stat(name string) uint64 {
	s := st.server.Stats()
	kind, key, _ := strings.Cut(name, ".")
	switch kind {
	case "refused":
		return s.Refused[key]
	case "ejected":
		return s.Ejected[key]
	case "rejected":
		return s.Rejected[key]
	case "received":
		return s.Received[key]
	case "world-refused":
		return st.world.Stats().Refused[key]
	case "delayed":
		return s.Delayed
	case "unknown":
		return s.Unknown
	case "oversize":
		return s.Oversize
	case "dropped":
		return s.Dropped
	case "pongs":
		return s.Pongs
	}
	panic("no counter " + name)
}

// limit sets a field of the configuration.
func (st *stage) limit(name, value string) error {
	n, err := strconv.Atoi(value)
	switch name {
	case "tick-rate":
		st.worldConfig.TickRate = netclock.Rate(n)
	case "password":
		st.config.Password, err = value, nil
	case "max-clients":
		st.config.MaxClients = n
	case "max-per-address":
		st.config.MaxPerAddress = n
	case "max-zones":
		st.config.MaxZones = n
	case "zone-rate":
		st.config.ZoneRate = float64(n)
	case "message-rate":
		st.config.MessageRate = float64(n)
	case "min-update-rate":
		st.config.MinUpdateRate = n
	case "max-command-rate":
		st.config.MaxCommandRate = n
	case "send-rate":
		st.config.SendRate = float64(n)
	case "hello-timeout":
		st.config.HelloTimeout, err = time.ParseDuration(value)
	case "auth-timeout":
		st.config.AuthTimeout, err = time.ParseDuration(value)
	case "silent-timeout":
		st.config.SilentTimeout, err = time.ParseDuration(value)
	case "authenticator":
		st.config.Authenticator, err = storyAuthenticator{st}, nil
	default:
		return fmt.Errorf("unknown limit %q", name)
	}
	return err
}

// storyAuthenticator does what the story says.
type storyAuthenticator struct{ st *stage }

func (a storyAuthenticator) Start(l *Login) {
	c := l.peer.conn.(*fakeConn)
	a.st.logins[c.name] = l
	a.st.tell("%s wants in", c.name)
}

func (a storyAuthenticator) Answer(l *Login, data []byte) {
	a.st.tell("%s answers %q", l.peer.conn.(*fakeConn).name, data)
}

// game does something in the world.
func (st *stage) game(verb, rest string) error {
	parts := strings.Split(rest, ";")
	words := strings.Fields(parts[0])
	var o *world.Object
	switch verb {
	case "sets", "sends", "sends-to", "sends-except", "moves", "gives", "deletes", "weighs":
		last := words[0]
		if verb == "sends-to" || verb == "sends-except" {
			last = words[1]
		}
		if o = st.world.Object(uint32(must(strconv.Atoi(last)))); o == nil {
			return fmt.Errorf("no object %s", last)
		}
	}
	field := func(o *world.Object, text string) (*dc.Field, []byte, error) {
		name, value, _ := strings.Cut(strings.TrimSpace(text), " ")
		f := o.Class().FieldByName(name)
		if f == nil {
			return nil, nil, fmt.Errorf("no field %q", name)
		}
		if n, ok := strings.CutPrefix(value, "bytes "); ok { // a long blob
			b, err := f.Pack(nil, make([]byte, must(strconv.Atoi(n))))
			return f, b, err
		}
		b, err := f.ParseText(nil, value)
		return f, b, err
	}
	switch verb {
	case "spawns":
		n := 1
		if k, err := strconv.Atoi(words[0]); err == nil {
			n, words = k, words[1:]
		}
		for range n {
			o, err := st.world.NewObject(words[0], nil)
			if err != nil {
				return err
			}
			for _, p := range parts[1:] {
				f, b, err := field(o, p)
				if err != nil {
					return err
				}
				if err := o.SetPacked(f, b); err != nil {
					return err
				}
			}
			var owner *world.Client
			if len(words) > 3 {
				owner = st.client(words[4])
			}
			if err := o.Generate(uint32(must(strconv.Atoi(words[2]))), owner); err != nil {
				return err
			}
		}
		return nil
	case "sets":
		for _, p := range parts[1:] {
			f, b, err := field(o, p)
			if err == nil {
				err = o.SetPacked(f, b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	case "sends", "sends-to", "sends-except":
		f, b, err := field(o, parts[1])
		if err != nil {
			return err
		}
		switch verb {
		case "sends-to":
			return o.SendPackedTo(st.client(words[0]), f, b)
		case "sends-except":
			return o.SendPackedExcept([]*world.Client{st.client(words[0])}, f, b)
		}
		return o.SendPacked(f, b)
	case "moves":
		return o.Move(uint32(must(strconv.Atoi(words[1]))))
	case "gives":
		return o.SetOwner(st.client(words[1]))
	case "deletes":
		return o.Delete()
	case "kicks":
		st.client(words[0]).Kick(strings.Join(words[1:], " "))
		return nil
	case "adds-zone":
		return st.client(words[0]).AddZones(uint32(must(strconv.Atoi(words[1]))))
	case "refuses":
		st.refuse[uint32(must(strconv.Atoi(words[0])))] = true
		return nil
	case "greets": // who joins with an avatar and a message
		st.fate = func(c *world.Client) {
			o := must(st.world.Spawn(world.Spawn{Class: "Avatar", Zone: 7, Owner: c}))
			if err := o.Send("whisper", "hello"); err != nil {
				panic(err)
			}
		}
		return nil
	case "kicks-newcomers":
		st.fate = func(c *world.Client) { c.Kick("no newcomers today") }
		return nil
	}
	return fmt.Errorf("unknown words")
}

// client is the one whose connection has that name, or nil.
func (st *stage) client(name string) *world.Client {
	for c := range st.world.Clients() {
		if p, ok := st.server.peers.Load(st.conn(name)); name != "nobody" && ok && p.(*peer).client == c {
			return c
		}
	}
	return nil
}

// encode makes the message that a line of a scenario describes.
func (c *fakeConn) encode(text string) ([]byte, error) {
	words := strings.Fields(text)
	num := func(i int) uint32 { return uint32(must(strconv.ParseInt(words[i], 10, 64))) }
	typ := func(plain, ext wire.Type) wire.Type {
		if c.ext {
			return ext
		}
		return plain
	}
	switch words[0] {
	case "hello":
		h := wire.Hello{DCHash: c.schema.Hash(), UpdateRate: 50, CommandRate: 100}
		zero := false
		for _, w := range words[1:] {
			name, value, _ := strings.Cut(w, "=")
			switch name {
			case "ext":
				h.Extension = wire.Extension{Present: true, Features: wire.FeatureSnapshots}
				c.ext = true
			case "features":
				h.Extension = wire.Extension{Present: true, Features: wire.Features(must(strconv.Atoi(value)))}
				c.ext = h.Extension.Features.Has(wire.FeatureSnapshots)
			case "password":
				h.Password = value
			case "hash":
				h.DCHash++
			case "update":
				h.UpdateRate = uint16(must(strconv.Atoi(value)))
			case "command":
				h.CommandRate = uint16(must(strconv.Atoi(value)))
			case "rates-of-zero":
				zero = true
			}
		}
		b, err := h.Append(nil)
		if zero && err == nil { // Append refuses them
			at := len(b) - 6
			if c.ext {
				at = len(b) - 14 - 6
				copy(b[len(b)-4:], []byte{0, 0, 0, 0})
			}
			b[at], b[at+1] = 0, 0
		}
		return b, err
	case "set-update", "set-command":
		t := map[string]wire.Type{"set-update": wire.CLSetUpdateRate, "set-command": wire.CLSetCMDRate}[words[0]]
		return append(t.Append(nil), byte(num(1))), nil
	case "rates":
		return wire.Rates{Type: wire.ExtSetRates, Update: uint16(num(1)), Command: uint16(num(2))}.Append(nil)
	case "interest", "add", "remove":
		i := wire.Interest{Handle: uint16(num(1))}
		switch words[0] {
		case "interest":
			i.Type = typ(wire.CLSetInterest, wire.ExtSetInterest)
		case "add":
			i.Type = typ(wire.CLAddInterest, wire.ExtAddInterest)
		case "remove":
			i.Type = typ(wire.CLRemoveInterest, wire.ExtRemoveInterest)
		}
		for k := range words[2:] {
			if from, to, ok := strings.Cut(words[2+k], "-"); ok {
				for z := must(strconv.Atoi(from)); z <= must(strconv.Atoi(to)); z++ {
					i.Zones = append(i.Zones, uint32(z))
				}
				continue
			}
			i.Zones = append(i.Zones, num(2+k))
		}
		return i.Append(nil)
	case "ack":
		if !c.ext {
			return wire.TickAck{Tick: int32(num(1)), Frame: 0.01}.Append(nil)
		}
		var a wire.Ack
		for k := range words[1:] {
			if d, ok := strings.CutPrefix(words[1+k], "after="); ok {
				a.Delay = must(time.ParseDuration(d))
				continue
			}
			a.Add(num(1 + k))
		}
		return a.Append(nil, wire.AckWindow)
	case "ping":
		if c.ext {
			return wire.Ping{Type: wire.ExtPing, Number: uint16(num(1))}.Append(nil), nil
		}
		return wire.CLPing.Append(nil), nil
	case "inform":
		return wire.InformPing{RTT: must(time.ParseDuration(words[1]))}.Append(nil), nil
	case "auth":
		return wire.AuthenticateAnswer{Data: []byte(words[1])}.Append(nil)
	case "goodbye":
		return wire.CLDisconnect.Append(nil), nil
	case "call":
		className, fieldName, _ := strings.Cut(words[2], ".")
		f := c.schema.Class(className).FieldByName(fieldName)
		_, value, _ := strings.Cut(text, words[2])
		m := wire.ObjectMessage{DoID: num(1), Field: uint16(f.Number())}
		var err error
		if m.Args, err = f.ParseText(nil, strings.TrimSpace(value)); err != nil {
			return nil, err
		}
		return m.Append(nil), nil
	case "hex":
		return hex.DecodeString(strings.Join(words[1:], ""))
	}
	return nil, fmt.Errorf("unknown message %q", words[0])
}
