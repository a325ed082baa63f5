package independent

import (
	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// Message types, from the tables of the description.
const (
	typeHello            = 0
	typeHelloResp        = 1
	typeSetUpdateRate    = 2
	typeSetCommandRate   = 3
	typeDisconnect       = 4
	typeInterestComplete = 8
	typeSnapshot         = 9
	typeTick             = 10
	typeObjectMessage    = 11
	typeSetOwner         = 12
	typeGenerate         = 13
	typeGenerateOwner    = 14
	typeDisable          = 15
	typeDelete           = 16
	typePing             = 17
	typePingResp         = 18
	typeInformPing       = 19
	typeAuthRequest      = 20
	typeAuthAnswer       = 21
	typeAuthResp         = 22

	typeExtSnapshot         = 0x4300
	typeExtAck              = 0x4301
	typeExtGenerate         = 0x4302
	typeExtGenerateOwner    = 0x4303
	typeExtRemove           = 0x4304
	typeExtZone             = 0x4305
	typeExtObjectMessage    = 0x4306
	typeExtSetInterest      = 0x4307
	typeExtInterestComplete = 0x430a
	typeExtSetRates         = 0x430b
	typeExtRates            = 0x430c
	typeExtPing             = 0x430d
	typeExtPingResp         = 0x430e
)

// start begins a message.
func start(t uint16) datagram.Writer {
	var w datagram.Writer
	w.Uint16(t)
	return w
}

// newer compares ticks, structure sequences and part numbers, which wrap.
func newer(a, b uint32) bool { return int32(a-b) > 0 }

// mode is the way in which an object message goes.
func mode(f *dc.Field) transport.Mode {
	if f.Has(dc.Unreliable) {
		return transport.Unreliable
	}
	return transport.Reliable
}
