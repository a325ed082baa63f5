package wire

import (
	"errors"
	"fmt"
	"testing"

	"github.com/culm-net/culm/dc"
)

// errUnsendable is a message that can be read and would not be written.
var errUnsendable = errors.New("not to be written")

// rewrite reads a message of any type to its end and writes it again.
func rewrite(s *dc.Schema, classOf func(uint32) *dc.Class, msg []byte) ([]byte, error) {
	t, body, err := Split(msg)
	if err != nil {
		return nil, err
	}
	switch t {
	case CLDisconnect, CLPing, SVPingResp:
		return t.Append(nil), nil
	case CLHello:
		return again(DecodeHello(body))
	case SVHelloResp:
		return again(DecodeHelloResponse(body))
	case CLSetUpdateRate, CLSetCMDRate:
		return again(DecodeSetRate(t, body))
	case CLSetInterest, CLAddInterest, CLRemoveInterest, ExtSetInterest, ExtAddInterest, ExtRemoveInterest:
		return again(DecodeInterest(t, body))
	case SVInterestComplete, ExtInterestComplete:
		return again(DecodeInterestComplete(t, body))
	case SVTick:
		return rewriteSnapshot(classOf, body)
	case CLTick:
		return again(DecodeTickAck(body))
	case BObjectMessage:
		return againSure(DecodeObjectMessage(body))
	case SVGenerateObject, SVGenerateOwnerObject, ExtGenerate, ExtGenerateOwner:
		return again(DecodeGenerate(s, t, body))
	case SVDisableObject, SVDeleteObject:
		return againSure(DecodeObjectGone(t, body))
	case CLInformPing:
		return againSure(DecodeInformPing(body))
	case SVAuthenticateRequest:
		return again(DecodeAuthenticateRequest(body))
	case CLAuthenticateResponse:
		return again(DecodeAuthenticateAnswer(body))
	case SVAuthenticateResponse:
		return again(DecodeAuthenticateResult(body))
	case ExtSnapshot:
		return checkPart(body, classOf)
	case ExtAck:
		m, err := DecodeAck(body)
		if err != nil {
			return nil, err
		}
		return m.Append(nil, AckWindow)
	case ExtRemove:
		return againSure(DecodeRemove(body))
	case ExtZone:
		return againSure(DecodeZoneChange(body))
	case ExtObjectMessage:
		return again(DecodeTickedMessage(body))
	case ExtSetRates, ExtRates:
		return again(DecodeRates(t, body))
	case ExtPing, ExtPingResp:
		return againSure(DecodePing(t, body))
	}
	return nil, fmt.Errorf("no decoder for %v", t)
}

func again[M interface{ Append([]byte) ([]byte, error) }](m M, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	b, err := m.Append(nil)
	if err != nil {
		return nil, errUnsendable
	}
	return b, nil
}

func againSure[M interface{ Append([]byte) []byte }](m M, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return m.Append(nil), nil
}

func rewriteSnapshot(classOf func(uint32) *dc.Class, body []byte) ([]byte, error) {
	m, err := DecodeSnapshot(body)
	if err != nil {
		return nil, err
	}
	b := m.Append(nil)
	o := m.Objects(classOf)
	for o.Next() {
		var l FieldList
		f := o.Fields()
		for f.Next() {
			l.Add(f.Index(), f.Value())
		}
		if f.Err() != nil {
			continue // o has it too
		}
		if b, err = AppendSnapshotObject(b, o.DoID(), l); err != nil {
			return nil, err
		}
	}
	return b, o.Err()
}

// Every message that has a name can be read, but for the reserved one.
func TestEveryTypeHasADecoder(t *testing.T) {
	for typ := range typeNames {
		_, err := rewrite(schema(t), twoAvatars(t), typ.Append(nil))
		var e *Error
		empty := typ == CLDisconnect || typ == CLPing || typ == SVPingResp
		if typ != SVSetObjectOwner && !empty && (!errors.As(err, &e) || e.Type != typ) {
			t.Errorf("%v without a body: %v", typ, err)
		}
		if empty && err != nil {
			t.Errorf("%v: %v", typ, err)
		}
	}
}
