package wire

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// What a peer may not say.
func TestRefused(t *testing.T) {
	nan := float32(math.NaN())
	inf := float32(math.Inf(1))
	welcome := le(uint8(1), uint8(0), uint16(7), uint8(66), uint32(9))
	block := func(values ...any) []byte {
		b := le(values...)
		return append(le("CULM", uint16(len(b))), b...)
	}
	join := func(parts ...[]byte) []byte { return le(parts[0], parts[1]) }
	hello := le(uint16(0), uint32(1), uint8(20), uint8(90), float32(0))
	tests := []struct {
		name   string
		typ    Type
		decode func(Type, []byte) (any, error)
		body   []byte
	}{
		{"a password that is not UTF-8", CLHello, as(DecodeHello), le(uint16(1), "\xff", uint32(1), uint8(1), uint8(1), float32(0))},
		{"a password longer than the message", CLHello, as(DecodeHello), le(uint16(100), "x", uint32(1), uint8(1), uint8(1), float32(0))},
		{"a NaN in the hello", CLHello, as(DecodeHello), le(uint16(0), uint32(1), uint8(1), uint8(1), nan)},
		{"an infinity in the hello", CLHello, as(DecodeHello), le(uint16(0), uint32(1), uint8(1), uint8(1), inf)},
		{"a negative interpolation", CLHello, as(DecodeHello), le(uint16(0), uint32(1), uint8(1), uint8(1), float32(-1))},
		{"a hello's block without rates", CLHello, as(DecodeHello), join(hello, block(uint32(1), uint16(20)))},
		{"a hello's block without features", CLHello, as(DecodeHello), join(hello, block(uint16(1)))},
		{"a block longer than the message", CLHello, as(DecodeHello), join(hello, le("CULM", uint16(9), uint32(1), uint16(20), uint16(90)))},
		{"a reason that is not UTF-8", SVHelloResp, as(DecodeHelloResponse), le(uint8(0), uint16(1), "\xc3")},
		{"a tick rate of 0", SVHelloResp, as(DecodeHelloResponse), le(uint8(1), uint8(0), uint16(7), uint8(0), uint32(9))},
		{"a tick rate of 0 in the block", SVHelloResp, as(DecodeHelloResponse), join(welcome, block(uint32(1), uint32(7), uint16(0), uint16(1), uint16(1)))},
		{"a welcome's block without rates", SVHelloResp, as(DecodeHelloResponse), join(welcome, block(uint32(1), uint32(7), uint16(66)))},
		{"authentication wanted with a short block", SVHelloResp, as(DecodeHelloResponse), join(le(uint8(1), uint8(1)), block(uint8(1)))},
		{"a reason that is not UTF-8", SVAuthenticateResponse, as(DecodeAuthenticateResult), le(uint8(0), uint16(1), "\xc3")},
		{"a NaN in the frame time", CLTick, as(DecodeTickAck), le(int32(1), nan)},
		{"a negative frame time", CLTick, as(DecodeTickAck), le(int32(1), float32(-0.1))},
		{"no round-trip time", CLInformPing, as(DecodeInformPing), nil},
		{"rates of 0", ExtSetRates, asTyped(DecodeRates), le(uint16(0), uint16(1))},
		{"rates of 0", ExtRates, asTyped(DecodeRates), le(uint16(1), uint16(0))},
		{"an unknown kind", ExtRemove, as(DecodeRemove), le(uint32(1), uint32(1), uint32(1), uint8(2))},
		{"fewer zones than it says", ExtSetInterest, asTyped(DecodeInterest), le(uint16(1), uint16(0xffff), uint32(1))},
		{"a message before its state", ExtObjectMessage, as(DecodeTickedMessage), le(uint32(8), uint32(9), uint32(1), uint16(1))},
	}
	for _, tt := range tests {
		m, err := tt.decode(tt.typ, tt.body)
		var e *Error
		if !errors.As(err, &e) || e.Type != tt.typ {
			t.Errorf("%v with %s: read %+v, %v", tt.typ, tt.name, m, err)
		}
	}
}

// Rates of 0 can be read from a peer of the plain dialect: what to answer is up
// to the session.
func TestRateZeroIsRead(t *testing.T) {
	m, err := DecodeHello(le(uint16(0), uint32(1), uint8(0), uint8(0), float32(0)))
	if err != nil || m.UpdateRate != 0 || m.CommandRate != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	r, err := DecodeSetRate(CLSetCMDRate, []byte{0})
	if err != nil || r.Rate != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// What a later version adds to a block, and behind it, is ignored; what is no
// block is no extension.
func TestExtensionOfLaterVersions(t *testing.T) {
	hello := le(uint16(0), uint32(1), uint8(20), uint8(90), float32(0))
	later := append(hello[:len(hello):len(hello)], le("CULM", uint16(11), uint32(0xffffffff), uint16(300), uint16(400), "new", "CULM", uint16(500))...)
	m, err := DecodeHello(later)
	if err != nil || m.Extension != (Extension{true, 0xffffffff}) || m.UpdateRate != 300 || m.CommandRate != 400 {
		t.Errorf("%+v, %v", m, err)
	}
	if !m.Extension.Features.Has(FeatureSnapshots) || Features(2).Has(FeatureSnapshots) {
		t.Error("Has is wrong")
	}
	for _, other := range []string{"C", "CUL", "CULX", "XCULM\x08\x00"} {
		m, err := DecodeHello(append(hello[:len(hello):len(hello)], other...))
		if err != nil || m.Extension != (Extension{}) || m.UpdateRate != 20 {
			t.Errorf("%q: %+v, %v", other, m, err)
		}
	}
	// A rejection has none, even if something stands there.
	r, err := DecodeHelloResponse(le(uint8(0), uint16(2), "no", "CULM", uint16(4), uint32(1)))
	if err != nil || r.Extension.Present || r.Reason != "no" {
		t.Errorf("%+v, %v", r, err)
	}
}

// What cannot be written leaves the slice as it was.
func TestNotWritten(t *testing.T) {
	long := strings.Repeat("x", math.MaxUint16+1)
	hello := Hello{UpdateRate: 20, CommandRate: 100}
	with := func(change func(*Hello)) func([]byte) ([]byte, error) {
		m := hello
		change(&m)
		return m.Append
	}
	for name, write := range map[string]func([]byte) ([]byte, error){
		"a long password":          with(func(m *Hello) { m.Password = long }),
		"a password of bytes":      with(func(m *Hello) { m.Password = "\xff" }),
		"an update rate of 0":      with(func(m *Hello) { m.UpdateRate = 0 }),
		"a command rate of 0":      with(func(m *Hello) { m.CommandRate = 0 }),
		"a plain rate above 255":   with(func(m *Hello) { m.UpdateRate = 256 }),
		"an endless interpolation": with(func(m *Hello) { m.Interp = float32(math.Inf(1)) }),
		"a long reason":            HelloResponse{Reason: long}.Append,
		"a reason of bytes":        HelloResponse{Reason: "\xff"}.Append,
		"a plain client id":        HelloResponse{Accepted: true, Welcome: Welcome{ClientID: 1 << 16, TickRate: 1}}.Append,
		"a plain tick rate":        AuthenticateResult{Accepted: true, Welcome: Welcome{TickRate: 256}}.Append,
		"a welcome without ticks":  HelloResponse{Accepted: true, Extension: Extension{Present: true}}.Append,
		"a long denial":            AuthenticateResult{Reason: long}.Append,
		"a denial of bytes":        AuthenticateResult{Reason: "\xff"}.Append,
		"a long request":           AuthenticateRequest{Data: []byte(long)}.Append,
		"a long answer":            AuthenticateAnswer{Data: []byte(long)}.Append,
		"a set rate of 0":          SetRate{Type: CLSetCMDRate}.Append,
		"rates of 0":               Rates{Type: ExtRates, Update: 1}.Append,
		"a plain handle":           Interest{Type: CLSetInterest, Handle: 256}.Append,
		"plain zones":              Interest{Type: CLSetInterest, Zones: make([]uint32, 256)}.Append,
		"zones":                    Interest{Type: ExtSetInterest, Zones: make([]uint32, 1<<16)}.Append,
		"a complete plain handle":  InterestComplete{Type: SVInterestComplete, Handle: 256}.Append,
		"a frame of NaN":           TickAck{Frame: float32(math.NaN())}.Append,
		"a message out of time":    TickedMessage{Tick: 1, State: 2}.Append,
	} {
		b, err := write([]byte("before"))
		var e *Error
		if !errors.As(err, &e) || string(b) != "before" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := (AuthenticateAnswer{Data: []byte(long)}).Append(nil); !errors.As(err, new(*datagram.LengthError)) {
		t.Errorf("a long answer: %v", err)
	}
}

// An error does not repeat the password.
func TestErrorKeepsPassword(t *testing.T) {
	_, err := Hello{Password: "hunter2\xff", UpdateRate: 1, CommandRate: 1}.Append(nil)
	_, err2 := DecodeHello(le(uint16(8), "hunter2\xff", uint32(1), uint8(1), uint8(1), float32(0)))
	for _, err := range []error{err, err2} {
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.HasPrefix(err.Error(), "pipes: CL_Hello: ") {
			t.Errorf("%v", err)
		}
	}
}

func TestArguments(t *testing.T) {
	kick := schema(t).Class("DistributedBall").FieldByName("kick")
	spin := schema(t).Class("DistributedBall").FieldByName("spin")
	for _, tt := range []struct {
		name        string
		field       *dc.Field
		args        []byte
		plain, ours bool
	}{
		{"whole", kick, []byte{1, 2, 3, 4}, true, true},
		{"with bytes behind it", kick, []byte{1, 2, 3, 4, 5}, true, false},
		{"cut short", kick, []byte{1, 2, 3}, false, false},
		{"none", kick, nil, false, false},
		{"of a parameter field", spin, []byte{1, 2, 3, 4}, false, false},
	} {
		m := ObjectMessage{DoID: 1, Field: uint16(tt.field.Number()), Args: tt.args}
		args, err := m.Arguments(tt.field)
		if (err == nil) != tt.plain || err == nil && string(args) != "\x01\x02\x03\x04" {
			t.Errorf("plain, %s: % x, %v", tt.name, args, err)
		}
		args, err = TickedMessage{ObjectMessage: m}.Arguments(tt.field)
		if (err == nil) != tt.ours || err == nil && string(args) != "\x01\x02\x03\x04" {
			t.Errorf("extension, %s: % x, %v", tt.name, args, err)
		}
	}
}

func TestInformPingRange(t *testing.T) {
	for rtt, want := range map[time.Duration]time.Duration{
		-time.Second:            0,
		1500 * time.Microsecond: time.Millisecond,
		math.MaxInt64:           math.MaxUint32 * time.Millisecond,
	} {
		if m, err := DecodeInformPing(InformPing{RTT: rtt}.Append(nil)[2:]); err != nil || m.RTT != want {
			t.Errorf("%v is read as %v, %v", rtt, m.RTT, err)
		}
	}
}

func TestTypeNames(t *testing.T) {
	for typ, want := range map[Type]string{0: "CL_Hello", 0x4300: "Ext_Snapshot", 0x430e: "Ext_Ping_Resp", 999: "message 999"} {
		if typ.String() != want {
			t.Errorf("%d is %q", typ, typ)
		}
	}
}
