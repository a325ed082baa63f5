package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/culm-net/culm/dc"
)

// fuzzClassOf gives every object a class by its id.
func fuzzClassOf(s *dc.Schema, id uint32) *dc.Class {
	return s.Class([]string{"DistributedAvatar", "DistributedBall", "DistributedObject", "DistributedChat"}[id%4])
}

// fuzzMessages reads what the fuzzer thinks of as messages of the given types,
// one after the other. What can be read is written again; that must be read
// and written as the same. A message of the extension has one form only.
func fuzzMessages(f *testing.F, types ...Type) {
	for _, l := range append(plainLayouts(), extensionLayouts()...) {
		typ, body, _ := Split(l.bytes)
		for i := range types {
			if types[i] == typ {
				f.Add(uint8(i), body)
			}
		}
	}
	s := schema(f)
	// Object ids without a class are for parts only: in plain snapshots they
	// end everything.
	classOf := func(id uint32) *dc.Class {
		if id == 1<<32-1 {
			return nil
		}
		return fuzzClassOf(s, id)
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		typ := types[int(kind)%len(types)]
		msg := append(typ.Append(nil), body...)
		before := bytes.Clone(msg)
		first, err := rewrite(s, classOf, msg)
		if !bytes.Equal(msg, before) {
			t.Fatal("reading changed the message")
		}
		if errors.Is(err, errUnsendable) {
			return
		}
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Type != typ {
				t.Fatalf("%v: %v is no *Error", typ, err)
			}
			return
		}
		if typ.Extended() && !bytes.Equal(first, msg) {
			t.Fatalf("% x\nis written again as % x", msg, first)
		}
		second, err := rewrite(s, classOf, first)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("% x\nbecomes % x\nand then % x, %v", msg, first, second, err)
		}
	})
}

// What a server reads.
func FuzzFromClient(f *testing.F) {
	fuzzMessages(f, CLHello, CLSetUpdateRate, CLSetCMDRate, CLDisconnect, CLSetInterest, CLAddInterest, CLRemoveInterest, CLTick,
		BObjectMessage, CLPing, CLInformPing, CLAuthenticateResponse, ExtAck, ExtSetInterest, ExtAddInterest, ExtRemoveInterest, ExtSetRates, ExtPing)
}

// What a client reads, but for what has a target of its own.
func FuzzFromServer(f *testing.F) {
	fuzzMessages(f, SVHelloResp, SVInterestComplete, SVDisableObject, SVDeleteObject, SVPingResp, SVAuthenticateRequest, SVAuthenticateResponse,
		ExtRemove, ExtZone, ExtObjectMessage, ExtInterestComplete, ExtRates, ExtPingResp)
}

func FuzzGenerate(f *testing.F) {
	f.Add(uint8(0), le(uint16(3), uint32(42), uint32(1), uint8(1), uint16(2), uint16(0), uint16(3), "ann", uint16(3), uint8(100), uint16(1), uint16(6), uint8(2)))
	f.Add(uint8(2), le(uint32(1), uint32(2), uint16(4), uint32(42), uint32(1), uint8(0), uint16(0)))
	fuzzMessages(f, SVGenerateObject, SVGenerateOwnerObject, ExtGenerate, ExtGenerateOwner)
}

func FuzzSnapshot(f *testing.F) {
	f.Add(uint8(0), le(uint32(9), uint8(1), uint16(2), uint32(2), uint16(0), uint32(4), uint16(2), uint16(0), uint16(3), "ann", uint16(3), uint8(50)))
	f.Add(uint8(0), le(uint32(9), uint8(0), uint16(1), uint32(1), uint16(1), uint16(0), int32(7)))
	fuzzMessages(f, SVTick)
}

func FuzzPart(f *testing.F) {
	f.Add(uint8(0), part(2, []byte{4, 8, 1}, uint16(3), "ann", []byte{4, 50}, []byte{5, 10, 0}, uint32(7), []byte{1}, int32(9)))
	f.Add(uint8(0), part(1, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 3, 1, 2, 3}))
	fuzzMessages(f, ExtSnapshot)
}

// FuzzArguments checks the arguments of an object message against every field.
func FuzzArguments(f *testing.F) {
	f.Add(uint16(12), []byte{1, 0, 'x'})
	s := schema(f)
	f.Fuzz(func(t *testing.T, number uint16, args []byte) {
		field := s.FieldByNumber(int(number) % len(s.Fields()))
		m := ObjectMessage{Args: args}
		got, err := m.Arguments(field)
		if err == nil && (!bytes.HasPrefix(args, got) || field.Check(got) != nil) {
			t.Fatalf("%v: % x of % x", field, got, args)
		}
		exact, err2 := TickedMessage{ObjectMessage: m}.Arguments(field)
		if (err2 == nil) != (err == nil && len(got) == len(args)) || err2 == nil && !bytes.Equal(exact, args) {
			t.Fatalf("%v: % x, %v; in the extension % x, %v", field, got, err, exact, err2)
		}
	})
}
