package wire

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// Type is the number a message begins with, a uint16.
type Type uint16

// The messages of panda3d-pipes, by the names it uses: CL are sent by clients,
// SV by servers, B by both.
const (
	CLHello                Type = 0
	SVHelloResp            Type = 1
	CLSetUpdateRate        Type = 2
	CLSetCMDRate           Type = 3
	CLDisconnect           Type = 4 // no body
	CLSetInterest          Type = 5
	CLAddInterest          Type = 6
	CLRemoveInterest       Type = 7
	SVInterestComplete     Type = 8
	SVTick                 Type = 9
	CLTick                 Type = 10
	BObjectMessage         Type = 11
	SVSetObjectOwner       Type = 12 // reserved, never sent, no decoder
	SVGenerateObject       Type = 13
	SVGenerateOwnerObject  Type = 14
	SVDisableObject        Type = 15
	SVDeleteObject         Type = 16
	CLPing                 Type = 17 // no body
	SVPingResp             Type = 18 // no body
	CLInformPing           Type = 19
	SVAuthenticateRequest  Type = 20
	CLAuthenticateResponse Type = 21
	SVAuthenticateResponse Type = 22
)

// The messages of the extension. They are only sent once the hello has
// established that both sides speak it.
const (
	ExtSnapshot         Type = 0x4300 // server: a part of a snapshot
	ExtAck              Type = 0x4301 // client: parts it has applied
	ExtGenerate         Type = 0x4302 // server
	ExtGenerateOwner    Type = 0x4303 // server
	ExtRemove           Type = 0x4304 // server: delete or disable
	ExtZone             Type = 0x4305 // server: an object's new zone
	ExtObjectMessage    Type = 0x4306 // server
	ExtSetInterest      Type = 0x4307 // client
	ExtAddInterest      Type = 0x4308 // client
	ExtRemoveInterest   Type = 0x4309 // client
	ExtInterestComplete Type = 0x430a // server
	ExtSetRates         Type = 0x430b // client: rates it asks for
	ExtRates            Type = 0x430c // server: rates it grants
	ExtPing             Type = 0x430d // client
	ExtPingResp         Type = 0x430e // server
)

var typeNames = map[Type]string{
	CLHello:                "CL_Hello",
	SVHelloResp:            "SV_Hello_Resp",
	CLSetUpdateRate:        "CL_SetUpdateRate",
	CLSetCMDRate:           "CL_SetCMDRate",
	CLDisconnect:           "CL_Disconnect",
	CLSetInterest:          "CL_SetInterest",
	CLAddInterest:          "CL_AddInterest",
	CLRemoveInterest:       "CL_RemoveInterest",
	SVInterestComplete:     "SV_InterestComplete",
	SVTick:                 "SV_Tick",
	CLTick:                 "CL_Tick",
	BObjectMessage:         "B_ObjectMessage",
	SVSetObjectOwner:       "SV_SetObjectOwner",
	SVGenerateObject:       "SV_GenerateObject",
	SVGenerateOwnerObject:  "SV_GenerateOwnerObject",
	SVDisableObject:        "SV_DisableObject",
	SVDeleteObject:         "SV_DeleteObject",
	CLPing:                 "CL_Ping",
	SVPingResp:             "SV_Ping_Resp",
	CLInformPing:           "CL_InformPing",
	SVAuthenticateRequest:  "SV_AuthenticateRequest",
	CLAuthenticateResponse: "CL_AuthenticateResponse",
	SVAuthenticateResponse: "SV_AuthenticateResponse",
	ExtSnapshot:            "Ext_Snapshot",
	ExtAck:                 "Ext_Ack",
	ExtGenerate:            "Ext_Generate",
	ExtGenerateOwner:       "Ext_GenerateOwner",
	ExtRemove:              "Ext_Remove",
	ExtZone:                "Ext_Zone",
	ExtObjectMessage:       "Ext_ObjectMessage",
	ExtSetInterest:         "Ext_SetInterest",
	ExtAddInterest:         "Ext_AddInterest",
	ExtRemoveInterest:      "Ext_RemoveInterest",
	ExtInterestComplete:    "Ext_InterestComplete",
	ExtSetRates:            "Ext_SetRates",
	ExtRates:               "Ext_Rates",
	ExtPing:                "Ext_Ping",
	ExtPingResp:            "Ext_Ping_Resp",
}

// String returns the name of the message, or its number if it has none.
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "message " + strconv.Itoa(int(t))
}

// Extended says whether the message is one of the extension, known or not.
func (t Type) Extended() bool { return t>>8 == ExtSnapshot>>8 }

// Append adds the type: the whole message for those without a body, which are
// CL_Disconnect, CL_Ping and SV_Ping_Resp.
func (t Type) Append(b []byte) []byte { return binary.LittleEndian.AppendUint16(b, uint16(t)) }

// Split takes the type off a message. The body is a part of msg. Unknown types
// are no error here: a peer of panda3d-pipes passes over them.
func Split(msg []byte) (t Type, body []byte, err error) {
	if len(msg) < 2 {
		return 0, nil, errors.New("pipes: a message without a type: it has fewer than 2 bytes")
	}
	return Type(binary.LittleEndian.Uint16(msg)), msg[2:], nil
}

// Newer says whether tick or sequence a comes after b. Ticks, structure
// sequences and part numbers wrap around: of two of them the newer one is less
// than 1<<31 ahead. (66 ticks per second take more than a year for that.)
func Newer(a, b uint32) bool { return int32(a-b) > 0 }
