package clientagent

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// FuzzClient lets a client that is logged in send what it likes, in messages
// behind their lengths. Nothing may be taken wrongly, the client may hear
// nothing after an eject, another client must stay, and everything must be
// given back at the end.
func FuzzClient(f *testing.F) {
	schema := game(f)
	add := func(state byte, messages ...[]byte) {
		b := []byte{state}
		for _, m := range messages {
			b = append(binary.LittleEndian.AppendUint16(b, uint16(len(m))), m...)
		}
		f.Add(b)
	}
	message := func(t Type, payload ...any) []byte {
		b := binary.LittleEndian.AppendUint16(nil, uint16(t))
		for _, p := range payload {
			b, _ = binary.Append(b, binary.LittleEndian, p)
		}
		return b
	}
	number := func(name string) uint16 { return uint16(schema.Class("Avatar").FieldByName(name).Number()) }
	add(0, hello(), message(Heartbeat))
	add(1, message(ObjectSetField, uint32(1234), uint16(2), uint16(2), []byte("me")))
	add(2, message(ObjectSetField, uint32(2000), number("setBag"), uint16(4), uint16(1), []byte("a\x05")))
	add(2, message(ObjectSetField, uint32(2001), number("setPos"), int16(1), int16(2)), message(ObjectLocation, uint32(2001), uint32(5), uint32(6)))
	add(2, message(AddInterest, uint32(1), uint16(1), uint32(1000), uint32(5)), message(RemoveInterest, uint32(2), uint16(1)))
	add(2, message(AddInterestMultiple, uint32(1), uint16(1), uint32(1000), uint16(2), uint32(5), uint32(6)), message(AddInterestMultiple, uint32(1), uint16(1), uint32(1000), uint16(1), uint32(5)))
	add(2, message(Disconnect), message(Heartbeat))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		d := md.New(md.Limits{})
		c := testConfig(t)
		c.Relocate = true
		c.Limits = Limits{Zones: 100, Interests: 10, Pending: 1 << 12, Historical: 3}
		th := newTheatre(t, d, c)
		all := newPeer(d, 1234, 1235, 1000, 2000, 2001)
		client, other := th.connect(), th.connect()
		if b[0] > 0 {
			client.Send([][]byte{hello()})
		}
		if b[0] > 1 {
			all.send(5000, md.ClientAgentSetState, func(w *datagram.Writer) { w.Uint16(2) })
			all.send(5000, md.ClientAgentDeclareObject, func(w *datagram.Writer) {
				w.Uint32(2000)
				w.Uint16(uint16(schema.Class("Avatar").Number()))
			})
			all.send(5000, md.StateServerObjectEnterOwnerWithRequired, func(w *datagram.Writer) {
				for _, v := range []uint32{2001, 1000, 5} {
					w.Uint32(v)
				}
				w.Uint16(uint16(schema.Class("Avatar").Number()))
			})
		}
		var messages [][]byte
		for r := datagram.NewReader(b[1:]); ; {
			m := r.Blob()
			if r.Err() != nil {
				break
			}
			messages = append(messages, m)
		}
		client.Send(messages)
		th.pass(time.Second)
		checkClient(t, client)
		for _, m := range all.in {
			if m.Type != md.StateServerObjectSetField {
				continue
			}
			// Whatever is passed on is a value that the schema allows.
			r := m.Reader()
			r.Uint32()
			if field := schema.FieldByNumber(int(r.Uint16())); field == nil || field.Check(r.Rest()) != nil || m.Sender != 5000 {
				t.Errorf("%v was passed on as %x", field, m.Payload)
			}
		}
		if other.Gone() {
			t.Error("the other client is gone")
		}
		leaveNothing(t, th, d, client, other, all)
	})
}

// checkClient looks at what a client was told.
func checkClient(t *testing.T, c *coreClient) {
	t.Helper()
	over := false
	for _, m := range c.Received() {
		if over {
			t.Errorf("%x came after the eject", m)
		}
		over = Type(binary.LittleEndian.Uint16(m)) == Eject
	}
	if over && !c.Gone() {
		t.Error("it was thrown out and is still there")
	}
}

// leaveNothing ends all sessions and looks for what is left of them.
func leaveNothing(t *testing.T, th *theatre, d *md.Director, client, other *coreClient, p *peer) {
	t.Helper()
	client.Leave()
	other.Leave()
	d.Do(func() { d.Leave(&p.Participant) })
	st, ds := th.agent.Stats(), d.Stats()
	a := th.agent
	if st.Clients != 0 || st.Objects != 0 || st.Interests != 0 || st.PendingBytes != 0 {
		t.Errorf("at the end there are %+v", st)
	}
	if ds.Participants != 0 || ds.Channels != 0 {
		t.Errorf("at the end there are %+v", ds)
	}
	if n := a.operations.list.Len() + a.hellos.list.Len() + a.logins.list.Len() + a.heartbeats.list.Len(); n != 0 {
		t.Errorf("at the end there are %d deadlines", n)
	}
}

// FuzzServer lets servers of the game send a session what they like: messages
// behind their lengths, of which the first byte chooses the type.
func FuzzServer(f *testing.F) {
	schema := game(f)
	types := []md.Type{
		md.ClientAgentSetState, md.ClientAgentSetClientID, md.ClientAgentSendDatagram, md.ClientAgentEject, md.ClientAgentDrop,
		md.ClientAgentGetNetworkAddress, md.ClientAgentDeclareObject, md.ClientAgentUndeclareObject, md.ClientAgentAddSessionObject,
		md.ClientAgentRemoveSessionObject, md.ClientAgentSetFieldsSendable, md.ClientAgentGetTLVs, md.ClientAgentOpenChannel,
		md.ClientAgentCloseChannel, md.ClientAgentAddPostRemove, md.ClientAgentClearPostRemoves, md.ClientAgentAddInterest,
		md.ClientAgentAddInterestMultiple, md.ClientAgentRemoveInterest, md.StateServerObjectSetField, md.StateServerObjectSetFields,
		md.StateServerObjectDeleteRAM, md.StateServerObjectChangingLocation, md.StateServerObjectEnterLocationWithRequired,
		md.StateServerObjectEnterLocationWithRequiredOther, md.StateServerObjectEnterInterestWithRequired,
		md.StateServerObjectEnterInterestWithRequiredOther, md.StateServerObjectEnterOwnerWithRequired, md.StateServerObjectChangingOwner,
		md.StateServerObjectGetZonesCountResp, md.StateServerObjectGetZonesObjects,
	}
	index := func(t md.Type) byte {
		for i := range types {
			if types[i] == t {
				return byte(i)
			}
		}
		panic(t)
	}
	message := func(t md.Type, payload ...any) []byte {
		b := []byte{index(t)}
		for _, p := range payload {
			b, _ = binary.Append(b, binary.LittleEndian, p)
		}
		return b
	}
	add := func(messages ...[]byte) {
		var b []byte
		for _, m := range messages {
			b = append(binary.LittleEndian.AppendUint16(b, uint16(len(m))), m...)
		}
		f.Add(b)
	}
	room := []any{uint32(201), uint32(1000), uint32(5), uint16(schema.Class("Room").Number()), uint16(1), []byte("a")}
	add(message(md.ClientAgentAddInterest, uint16(1), uint32(1000), uint32(5)),
		message(md.StateServerObjectEnterLocationWithRequired, room...),
		message(md.StateServerObjectEnterInterestWithRequired, append([]any{uint32(2)}, room...)...),
		message(md.StateServerObjectGetZonesCountResp, uint32(2), uint32(1)),
		message(md.StateServerObjectSetField, uint32(201), uint16(5), uint16(1), []byte("b")),
		message(md.StateServerObjectChangingLocation, uint32(201), uint32(1000), uint32(6), uint32(1000), uint32(5)),
		message(md.ClientAgentRemoveInterest, uint16(1)))
	add(message(md.StateServerObjectEnterOwnerWithRequired, room...), message(md.ClientAgentAddSessionObject, uint32(201)),
		message(md.StateServerObjectChangingOwner, uint32(201), uint64(0), uint64(5000)))
	add(message(md.ClientAgentSetClientID, uint64(777)), message(md.ClientAgentOpenChannel, uint64(9)), message(md.ClientAgentCloseChannel, uint64(9)))
	add(message(md.ClientAgentAddPostRemove, uint16(3), []byte("abc")), message(md.ClientAgentDrop))
	add(message(md.ClientAgentAddInterestMultiple, uint16(1), uint32(1000), uint16(2), uint32(5), uint32(6)), message(md.ClientAgentSendDatagram, uint16(2), []byte{2, 0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := md.New(md.Limits{})
		c := testConfig(t)
		c.Limits = Limits{Zones: 100, Interests: 10, Pending: 1 << 12, Historical: 3, Declared: 3, Session: 3, Channels: 3, PostRemoves: 3}
		c.StrictCLRecv = len(b)%2 == 0
		th := newTheatre(t, d, c)
		p := newPeer(d)
		client, other := th.connect(), th.connect()
		for r := datagram.NewReader(b); ; {
			m := r.Blob()
			if r.Err() != nil {
				break
			}
			if len(m) > 0 {
				p.send(5000, types[int(m[0])%len(types)], func(w *datagram.Writer) { w.Bytes(m[1:]) })
			}
		}
		th.pass(time.Second)
		if n := th.agent.Stats().PendingBytes; n != 0 {
			t.Errorf("%d bytes are held back for ever", n)
		}
		if other.Gone() {
			t.Error("the other client is gone")
		}
		leaveNothing(t, th, d, client, other, p)
	})
}
