package lan

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// TestScenarios plays the stories in testdata/scenarios. README.md there says
// how they are written.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios found (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playScenario(t, file) })
	}
}

// stage is where a scenario is played: a server, and clients that are told
// what to send.
type stage struct {
	config Config
	apart  bool // time passes only where the story says so
	server *Server
	conns  map[string]*fakeConn
	now    time.Time
}

func playScenario(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	st := &stage{conns: make(map[string]*fakeConn)}
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := st.play(words, strings.TrimSpace(line)); err != nil {
			t.Fatalf("%s:%d: %s\n%v", file, i+1, line, err)
		}
	}
	if err := st.quiet(); err != nil {
		t.Fatalf("%s: at the end: %v", file, err)
	}
}

func (st *stage) play(words []string, line string) error {
	switch words[0] {
	case "schema":
		s, err := dc.ParseFiles(filepath.Join("testdata", words[1]))
		st.config.Schema = s
		return err
	case "limit":
		return st.limit(words[1], words[2:])
	}
	if st.server == nil {
		st.config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
		var err error
		if st.server, err = NewServer(st.config); err != nil {
			return err
		}
		st.now = st.server.made
		st.server.now = func() time.Time { return st.now }
	}
	switch words[0] {
	case "connect":
		if err := st.quiet(); err != nil {
			return err
		}
		addr := net.IPv4(192, 0, 2, 1)
		if len(words) > 2 {
			addr = net.ParseIP(words[2])
		}
		c := &fakeConn{addr: &net.TCPAddr{IP: addr, Port: 1000 + len(st.conns)}}
		st.conns[words[1]] = c
		st.server.Opened(c)
		return nil
	case "hold":
		st.apart = true
		return nil
	case "tick":
		if err := st.quiet(); err != nil {
			return err
		}
		st.server.nextPeriod()
		return nil
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return err
		}
		st.now = st.now.Add(d)
		st.server.tick(st.now)
		return nil
	case "refused":
		n := st.server.Stats().Refused[words[2]]
		if want, err := strconv.ParseUint(words[1], 10, 64); err != nil || n != want {
			return fmt.Errorf("refused %d times", n)
		}
		return nil
	}
	c := st.conns[words[0]]
	if c == nil {
		return fmt.Errorf("nobody is called %q", words[0])
	}
	switch words[1] {
	case "sends":
		if err := st.quiet(); err != nil {
			return err
		}
		_, rest, _ := strings.Cut(line, "sends")
		b, err := encode(st.config.Schema, strings.TrimSpace(rest), false)
		if err != nil {
			return err
		}
		if !c.closed {
			st.server.Received(c, [][]byte{b})
		}
		return nil
	case "gets":
		_, rest, _ := strings.Cut(line, "gets")
		want, err := encode(st.config.Schema, strings.TrimSpace(rest), true)
		if err != nil {
			return err
		}
		if len(c.got) == 0 {
			return fmt.Errorf("%s gets nothing", words[0])
		}
		got := c.got[0]
		c.got = c.got[1:]
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s gets %x (%v), wanted %x", words[0], got, Type(binary.LittleEndian.Uint16(got)), want)
		}
		return nil
	case "leaves":
		if err := st.quiet(); err != nil {
			return err
		}
		st.server.Closed(c, &transport.CloseError{Remote: true})
		return nil
	case "stalls":
		c.full = true
		return nil
	case "closed":
		want := words[2]
		if !c.closed || codeName(c.code) != want {
			return fmt.Errorf("closed: %v, code %q, reason %q", c.closed, codeName(c.code), c.reason)
		}
		st.server.Closed(c, &transport.CloseError{Code: c.code})
		return nil
	}
	return fmt.Errorf("unknown words")
}

// limit sets a field of the configuration.
func (st *stage) limit(name string, values []string) error {
	n, err := strconv.Atoi(values[0])
	switch name {
	case "doid-range":
		st.config.DoIDRange = uint32(n)
	case "max-clients":
		st.config.MaxClients = n
	case "max-per-address":
		st.config.MaxPerAddress = n
	case "max-objects":
		st.config.MaxObjects = n
	case "max-message":
		st.config.MaxMessage = n
	case "max-zones":
		st.config.MaxZones = n
	case "trusted-classes":
		st.config.TrustedClasses, err = values, nil
	case "trust":
		st.config.Trust, err = session.ParseNetworks(values...)
	case "idle-timeout":
		st.config.IdleTimeout, err = time.ParseDuration(values[0])
	case "full-idle-timeout":
		st.config.FullIdleTimeout, err = time.ParseDuration(values[0])
	case "heartbeat-timeout":
		st.config.HeartbeatTimeout, err = time.ParseDuration(values[0])
	default:
		return fmt.Errorf("unknown limit %q", name)
	}
	return err
}

// quiet reports what clients got that the story does not tell of.
func (st *stage) quiet() error {
	if !st.apart {
		st.server.nextPeriod()
	}
	for name, c := range st.conns {
		if len(c.got) > 0 {
			return fmt.Errorf("%s also gets %x (%v)", name, c.got[0], Type(binary.LittleEndian.Uint16(c.got[0])))
		}
	}
	return nil
}

// encode makes the datagram that a line of a scenario describes.
func encode(s *dc.Schema, text string, fromServer bool) ([]byte, error) {
	parts := strings.Split(text, ";")
	words := strings.Fields(parts[0])
	e := &encoder{s: s, words: words[1:]}
	switch words[0] {
	case "hex":
		return hex.DecodeString(strings.Join(words[1:], ""))
	case "range":
		e.typ(SetDoIDRange).u32().u32()
	case "interest":
		e.typ(ClientSetInterest).all()
	case "disable":
		e.typ(ObjectDisable).all()
	case "request":
		e.typ(RequestGenerates).u32()
	case "delete":
		e.typ(ObjectDelete).u32()
	case "zone":
		e.typ(ObjectSetZone).u32().u32()
	case "goodbye":
		e.typ(ClientDisconnect)
	case "heartbeat":
		e.typ(ClientObjectUpdateFieldTargeted)
	case "targeted":
		e.typ(ClientObjectUpdateFieldTargeted).u32().u32().fields(parts[1:], true)
	case "update":
		e.typ(ClientObjectUpdateField)
		if fromServer {
			e.b = nil
			e.typ(ObjectUpdateField).u32()
		}
		e.u32().fields(parts[1:], true)
	case "generate":
		e.typ(ClientObjectGenerate)
		if fromServer {
			e.b = nil
			e.typ(ObjectGenerate).u32()
		}
		e.u32().className().u32()
		required, listed := parts[1:], []string(nil)
		for i, p := range required {
			if strings.TrimSpace(p) == "also" {
				required, listed = required[:i], required[i+1:]
				break
			}
		}
		e.fields(required, false)
		e.b = binary.LittleEndian.AppendUint16(e.b, uint16(len(listed)))
		e.fields(listed, true)
	default:
		return nil, fmt.Errorf("unknown message %q", words[0])
	}
	if e.err == nil && len(e.words) > 0 {
		e.err = fmt.Errorf("words left over: %q", e.words)
	}
	return e.b, e.err
}

type encoder struct {
	s     *dc.Schema
	b     []byte
	words []string
	err   error
}

func (e *encoder) typ(t Type) *encoder {
	e.b = binary.LittleEndian.AppendUint16(e.b, uint16(t))
	return e
}

func (e *encoder) u32() *encoder {
	if len(e.words) == 0 {
		e.err = fmt.Errorf("a number is missing")
		return e
	}
	v, err := strconv.ParseUint(e.words[0], 10, 32)
	if err != nil {
		e.err = err
	}
	e.words = e.words[1:]
	e.b = binary.LittleEndian.AppendUint32(e.b, uint32(v))
	return e
}

func (e *encoder) all() {
	for len(e.words) > 0 {
		e.u32()
	}
}

func (e *encoder) className() *encoder {
	class := e.s.Class(e.words[0])
	if class == nil {
		e.err = fmt.Errorf("no class %q", e.words[0])
		return e
	}
	e.words = e.words[1:]
	e.b = binary.LittleEndian.AppendUint16(e.b, uint16(class.Number()))
	return e
}

// fields appends the values of "Class.field VALUE", with their numbers if
// wanted.
func (e *encoder) fields(texts []string, numbered bool) {
	for _, text := range texts {
		name, value, _ := strings.Cut(strings.TrimSpace(text), " ")
		className, fieldName, _ := strings.Cut(name, ".")
		var f *dc.Field
		if class := e.s.Class(className); class != nil {
			f = class.FieldByName(fieldName)
		}
		if f == nil {
			e.err = fmt.Errorf("no field %q", name)
			return
		}
		if numbered {
			e.b = binary.LittleEndian.AppendUint16(e.b, uint16(f.Number()))
		}
		b, err := f.ParseText(e.b, value)
		if err != nil {
			e.err = err
			return
		}
		e.b = b
	}
}

// fakeConn is a client's end in tests: it keeps what the server sends.
type fakeConn struct {
	transport.Conn // nil: the server calls nothing else
	addr           net.Addr
	got            [][]byte
	full           bool
	closed         bool
	code           transport.Code
	reason         string
	held           time.Duration
}

func (c *fakeConn) Send(m transport.Message) error {
	if c.closed {
		return transport.ErrClosed
	}
	if c.full {
		return transport.ErrFull
	}
	c.got = append(c.got, bytes.Clone(m.Data))
	return nil
}

func (c *fakeConn) Close(code transport.Code, reason string) {
	if !c.closed {
		c.closed, c.code, c.reason = true, code, reason
	}
}

func (c *fakeConn) Identity() transport.Identity { return transport.Identity{Addr: c.addr} }

func (c *fakeConn) Hold(d time.Duration) { c.held = max(c.held, d) }
