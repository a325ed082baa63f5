package wire

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
	"time"
)

// le is the bytes of fixed-size values, little-endian, one after the other: a
// way to write messages down that has nothing to do with the code under test.
func le(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if s, ok := v.(string); ok {
			v = []byte(s)
		}
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// layout is one message: its bytes, and how the package writes and reads it.
type layout struct {
	name   string
	bytes  []byte
	value  any
	append func() ([]byte, error)
	decode func(t Type, body []byte) (any, error)
}

func plain(b []byte) ([]byte, error) { return b, nil }

// as makes the type of a decoder's result disappear.
func as[M any](decode func([]byte) (M, error)) func(Type, []byte) (any, error) {
	return func(_ Type, body []byte) (any, error) { return decode(body) }
}

func asTyped[M any](decode func(Type, []byte) (M, error)) func(Type, []byte) (any, error) {
	return func(t Type, body []byte) (any, error) { return decode(t, body) }
}

// plainLayouts is the table in pipes.md, written down by hand. Generates and
// snapshots, which need a schema, have tests of their own.
func plainLayouts() []layout {
	hello := Hello{Password: "päss", DCHash: 0x01020304, UpdateRate: 20, CommandRate: 100, Interp: 0.1}
	rejected := HelloResponse{Reason: "server full"}
	wanted := HelloResponse{Accepted: true, WantAuth: true}
	welcomed := HelloResponse{Accepted: true, Welcome: Welcome{ClientID: 7, TickRate: 66, Tick: 100000}}
	update := SetRate{Type: CLSetUpdateRate, Rate: 30}
	command := SetRate{Type: CLSetCMDRate, Rate: 255}
	set := Interest{Type: CLSetInterest, Handle: 1, Zones: []uint32{5, 0xfffffffe}}
	add := Interest{Type: CLAddInterest, Handle: 2, Zones: []uint32{9}}
	remove := Interest{Type: CLRemoveInterest, Handle: 255}
	complete := InterestComplete{Type: SVInterestComplete, Handle: 3}
	tick := TickAck{Tick: -1, Frame: 0.25}
	message := ObjectMessage{DoID: 0x00010203, Field: 12, Args: []byte{1, 2, 3}}
	disable := ObjectGone{Type: SVDisableObject, DoID: 77}
	del := ObjectGone{Type: SVDeleteObject, DoID: 0}
	inform := InformPing{RTT: 150 * time.Millisecond}
	request := AuthenticateRequest{Data: []byte("nonce")}
	answer := AuthenticateAnswer{Data: []byte{}}
	denied := AuthenticateResult{Reason: "no"}
	allowed := AuthenticateResult{Accepted: true, Welcome: welcomed.Welcome}
	return []layout{
		{"hello", le(uint16(0), uint16(5), "päss", uint32(0x01020304), uint8(20), uint8(100), float32(0.1)),
			hello, func() ([]byte, error) { return hello.Append(nil) }, as(DecodeHello)},
		{"rejected", le(uint16(1), uint8(0), uint16(11), "server full"),
			rejected, func() ([]byte, error) { return rejected.Append(nil) }, as(DecodeHelloResponse)},
		{"authentication wanted", le(uint16(1), uint8(1), uint8(1)),
			wanted, func() ([]byte, error) { return wanted.Append(nil) }, as(DecodeHelloResponse)},
		{"welcomed", le(uint16(1), uint8(1), uint8(0), uint16(7), uint8(66), uint32(100000)),
			welcomed, func() ([]byte, error) { return welcomed.Append(nil) }, as(DecodeHelloResponse)},
		{"update rate", le(uint16(2), uint8(30)),
			update, func() ([]byte, error) { return update.Append(nil) }, asTyped(DecodeSetRate)},
		{"command rate", le(uint16(3), uint8(255)),
			command, func() ([]byte, error) { return command.Append(nil) }, asTyped(DecodeSetRate)},
		{"set interest", le(uint16(5), uint8(1), uint8(2), uint32(5), uint32(0xfffffffe)),
			set, func() ([]byte, error) { return set.Append(nil) }, asTyped(DecodeInterest)},
		{"add interest", le(uint16(6), uint8(2), uint8(1), uint32(9)),
			add, func() ([]byte, error) { return add.Append(nil) }, asTyped(DecodeInterest)},
		{"remove interest", le(uint16(7), uint8(255), uint8(0)),
			remove, func() ([]byte, error) { return remove.Append(nil) }, asTyped(DecodeInterest)},
		{"interest complete", le(uint16(8), uint8(3)),
			complete, func() ([]byte, error) { return complete.Append(nil) }, asTyped(DecodeInterestComplete)},
		{"tick", le(uint16(10), int32(-1), float32(0.25)),
			tick, func() ([]byte, error) { return tick.Append(nil) }, as(DecodeTickAck)},
		{"object message", le(uint16(11), uint32(0x00010203), uint16(12), []byte{1, 2, 3}),
			message, func() ([]byte, error) { return plain(message.Append(nil)) }, as(DecodeObjectMessage)},
		{"disable", le(uint16(15), uint32(77)),
			disable, func() ([]byte, error) { return plain(disable.Append(nil)) }, asTyped(DecodeObjectGone)},
		{"delete", le(uint16(16), uint32(0)),
			del, func() ([]byte, error) { return plain(del.Append(nil)) }, asTyped(DecodeObjectGone)},
		{"inform ping", le(uint16(19), uint32(150)),
			inform, func() ([]byte, error) { return plain(inform.Append(nil)) }, as(DecodeInformPing)},
		{"authenticate request", le(uint16(20), uint16(5), "nonce"),
			request, func() ([]byte, error) { return request.Append(nil) }, as(DecodeAuthenticateRequest)},
		{"authenticate answer", le(uint16(21), uint16(0)),
			answer, func() ([]byte, error) { return answer.Append(nil) }, as(DecodeAuthenticateAnswer)},
		{"authentication failed", le(uint16(22), uint8(0), uint16(2), "no"),
			denied, func() ([]byte, error) { return denied.Append(nil) }, as(DecodeAuthenticateResult)},
		{"authenticated", le(uint16(22), uint8(1), uint16(7), uint8(66), uint32(100000)),
			allowed, func() ([]byte, error) { return allowed.Append(nil) }, as(DecodeAuthenticateResult)},
	}
}

// extensionLayouts is docs/pipes.md, written down by hand.
func extensionLayouts() []layout {
	ext := Extension{Present: true, Features: FeatureSnapshots}
	both := Extension{Present: true, Features: FeatureSnapshots | 1<<31}
	stamp := Stamp{Structure: 0x11, Tick: 0x22}
	hello := Hello{DCHash: 1, UpdateRate: 300, CommandRate: 90, Interp: 0, Extension: both}
	wanted := HelloResponse{Accepted: true, WantAuth: true, Extension: ext}
	welcome := Welcome{ClientID: 70000, TickRate: 500, Tick: 9, UpdateRate: 256, CommandRate: 90}
	welcomed := HelloResponse{Accepted: true, Welcome: welcome, Extension: ext}
	allowed := AuthenticateResult{Accepted: true, Welcome: welcome, Extension: ext}
	ack := Ack{Last: 1000, Delay: 5 * AckDelayUnit, Mask: [4]uint64{0x0102}}
	remove := Remove{Stamp: stamp, DoID: 5, Deleted: true}
	zone := ZoneChange{Stamp: stamp, DoID: 5, Zone: 6}
	message := TickedMessage{Tick: 8, State: 7, ObjectMessage: ObjectMessage{DoID: 5, Field: 3, Args: []byte{9}}}
	set := Interest{Type: ExtSetInterest, Handle: 256, Zones: []uint32{1, 2}}
	complete := InterestComplete{Type: ExtInterestComplete, Handle: 256}
	rates := Rates{Type: ExtSetRates, Update: 300, Command: 1}
	granted := Rates{Type: ExtRates, Update: 255, Command: 1}
	ping := Ping{Type: ExtPing, Number: 65535}
	pong := Ping{Type: ExtPingResp, Number: 1}
	return []layout{
		{"hello", le(uint16(0), uint16(0), uint32(1), uint8(255), uint8(90), float32(0),
			"CULM", uint16(8), uint32(0x80000001), uint16(300), uint16(90)),
			hello, func() ([]byte, error) { return hello.Append(nil) }, as(DecodeHello)},
		{"authentication wanted", le(uint16(1), uint8(1), uint8(1), "CULM", uint16(4), uint32(1)),
			wanted, func() ([]byte, error) { return wanted.Append(nil) }, as(DecodeHelloResponse)},
		{"welcomed", le(uint16(1), uint8(1), uint8(0), uint16(0xffff), uint8(255), uint32(9),
			"CULM", uint16(14), uint32(1), uint32(70000), uint16(500), uint16(256), uint16(90)),
			welcomed, func() ([]byte, error) { return welcomed.Append(nil) }, as(DecodeHelloResponse)},
		{"authenticated", le(uint16(22), uint8(1), uint16(0xffff), uint8(255), uint32(9),
			"CULM", uint16(14), uint32(1), uint32(70000), uint16(500), uint16(256), uint16(90)),
			allowed, func() ([]byte, error) { return allowed.Append(nil) }, as(DecodeAuthenticateResult)},
		{"ack", le(uint16(0x4301), uint32(1000), uint16(5), uint8(2), uint16(0x0102)),
			ack, func() ([]byte, error) { return ack.Append(nil, AckWindow) }, as(DecodeAck)},
		{"remove", le(uint16(0x4304), uint32(0x11), uint32(0x22), uint32(5), uint8(1)),
			remove, func() ([]byte, error) { return plain(remove.Append(nil)) }, as(DecodeRemove)},
		{"zone", le(uint16(0x4305), uint32(0x11), uint32(0x22), uint32(5), uint32(6)),
			zone, func() ([]byte, error) { return plain(zone.Append(nil)) }, as(DecodeZoneChange)},
		{"object message", le(uint16(0x4306), uint32(8), uint32(7), uint32(5), uint16(3), uint8(9)),
			message, func() ([]byte, error) { return message.Append(nil) }, as(DecodeTickedMessage)},
		{"set interest", le(uint16(0x4307), uint16(256), uint16(2), uint32(1), uint32(2)),
			set, func() ([]byte, error) { return set.Append(nil) }, asTyped(DecodeInterest)},
		{"interest complete", le(uint16(0x430a), uint16(256)),
			complete, func() ([]byte, error) { return complete.Append(nil) }, asTyped(DecodeInterestComplete)},
		{"set rates", le(uint16(0x430b), uint16(300), uint16(1)),
			rates, func() ([]byte, error) { return rates.Append(nil) }, asTyped(DecodeRates)},
		{"rates", le(uint16(0x430c), uint16(255), uint16(1)),
			granted, func() ([]byte, error) { return granted.Append(nil) }, asTyped(DecodeRates)},
		{"ping", le(uint16(0x430d), uint16(65535)),
			ping, func() ([]byte, error) { return plain(ping.Append(nil)) }, asTyped(DecodePing)},
		{"ping response", le(uint16(0x430e), uint16(1)),
			pong, func() ([]byte, error) { return plain(pong.Append(nil)) }, asTyped(DecodePing)},
	}
}

func TestLayouts(t *testing.T) {
	for dialect, layouts := range map[string][]layout{"plain": plainLayouts(), "extension": extensionLayouts()} {
		for _, l := range layouts {
			t.Run(dialect+"/"+l.name, func(t *testing.T) {
				b, err := l.append()
				if err != nil || !bytes.Equal(b, l.bytes) {
					t.Errorf("written % x, %v\nwant    % x", b, err, l.bytes)
				}
				typ, body, err := Split(l.bytes)
				if err != nil {
					t.Fatal(err)
				}
				m, err := l.decode(typ, body)
				if err != nil || !reflect.DeepEqual(m, l.value) {
					t.Errorf("read %#v, %v\nwant %#v", m, err, l.value)
				}
			})
		}
	}
}

// What stands behind a plain message is ignored; behind one of the extension it
// is an error.
func TestTrailing(t *testing.T) {
	for _, l := range plainLayouts() {
		if l.name == "object message" {
			continue // the field's type says where it ends
		}
		typ, body, _ := Split(append(l.bytes, "CUL"...))
		if m, err := l.decode(typ, body); err != nil || !reflect.DeepEqual(m, l.value) {
			t.Errorf("plain %s: read %#v, %v", l.name, m, err)
		}
	}
	for _, l := range extensionLayouts() {
		typ, body, _ := Split(append(l.bytes, 0))
		_, err := l.decode(typ, body)
		if typ.Extended() && typ != ExtObjectMessage && err == nil {
			t.Errorf("extension %s: a byte behind it is no error", l.name)
		}
		if !typ.Extended() && err != nil {
			t.Errorf("extension %s: %v", l.name, err)
		}
	}
}

// Every message cut at every byte is an error, but for the hellos, which are
// whole without their extension.
func TestTruncated(t *testing.T) {
	for _, l := range append(plainLayouts(), extensionLayouts()...) {
		typ, whole, _ := Split(l.bytes)
		args := map[Type]int{BObjectMessage: 6, ExtObjectMessage: 14}[typ]
		mark := bytes.Index(whole, []byte(extensionMark))
		for n := range len(whole) {
			m, err := l.decode(typ, whole[:n:n])
			switch {
			case args > 0 && n >= args:
				// The field's type says where arguments end, see TestArguments.
			case mark >= 0 && n >= mark && n < mark+len(extensionMark):
				if err != nil {
					t.Errorf("%s without its extension: %v", l.name, err)
				}
			case err == nil:
				t.Errorf("%s cut to %d bytes is read as %#v", l.name, n, m)
			}
		}
	}
	for n := range 2 {
		if _, _, err := Split(make([]byte, n)); err == nil {
			t.Errorf("a message of %d bytes has a type", n)
		}
	}
}
