package wire

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/culm-net/culm/dc"
)

// This file plays the rules of the extension as docs/pipes.md states them: a
// server and a client of the simplest kind, and between them a network that
// keeps what is reliable in order and loses, doubles and reorders the rest. The
// client must never show a state that the server's object did not have.

// A ruleState is packed values by inherited index; -1 is the zone.
type ruleState map[int]string

// A ruleObject is one life of a doId on the server.
type ruleObject struct {
	id      uint32
	class   *dc.Class
	state   ruleState
	stamps  map[int]uint32       // the tick of each value's last change
	history map[uint32]ruleState // by sealed tick
	deleted bool
}

func (o *ruleObject) set(tick uint32, i int, v string) {
	if o.state[i] != v {
		o.state[i], o.stamps[i] = v, tick
	}
}

func (o *ruleObject) changed() uint32 {
	return slices.MaxFunc(slices.Collect(maps.Values(o.stamps)), func(a, b uint32) int { return int(int32(a - b)) })
}

// A ruleView is what the server knows of one object at the client.
type ruleView struct {
	o         *ruleObject
	structure uint32 // of the generate
	has       bool
	tick      uint32 // if it has: of the state it is known to have
}

type ruleServer struct {
	rng       *rand.Rand
	classes   []*dc.Class
	tick      uint32
	structure uint32
	number    uint32
	objects   map[uint32]*ruleObject
	views     map[uint32]*ruleView
	sent      map[uint32]Part
	sentIDs   map[uint32][]uint32
	lives     map[uint32]*ruleObject // by the structure sequence of their generate

	reliable   [][]byte // to the client, in order
	unreliable [][]byte
}

func (s *ruleServer) stamp() Stamp {
	s.structure++
	return Stamp{s.structure, s.tick}
}

// step makes a tick: things happen, the tick is sealed, the client is told.
func (s *ruleServer) step(quiet bool) {
	s.tick++
	var calls [][]byte
	for id := uint32(1); id <= 4 && !quiet; id++ {
		o := s.objects[id]
		switch {
		case o == nil && s.rng.IntN(4) == 0:
			o = &ruleObject{id: id, class: s.classes[s.rng.IntN(2)], state: ruleState{}, stamps: map[int]uint32{}, history: map[uint32]ruleState{}}
			s.objects[id] = o
			s.change(o, 1)
		case o != nil && s.rng.IntN(12) == 0:
			o.deleted = true
			delete(s.objects, id)
		case o != nil:
			s.change(o, 3)
			if v := s.views[id]; v != nil && v.o == o && s.rng.IntN(3) == 0 {
				b, err := TickedMessage{Tick: s.tick, State: o.changed(), ObjectMessage: ObjectMessage{DoID: id}}.Append(nil)
				if err != nil {
					panic(err)
				}
				calls = append(calls, b)
			}
		}
	}
	for _, o := range s.objects {
		o.history[s.tick] = maps.Clone(o.state)
	}
	s.updateViews(quiet)
	s.reliable = append(s.reliable, calls...)
	if quiet || s.rng.IntN(3) > 0 {
		s.snapshot(quiet)
	}
}

// change sets the zone and each state field with a chance of one in n.
func (s *ruleServer) change(o *ruleObject, n int) {
	if s.rng.IntN(n) == 0 {
		o.set(s.tick, -1, string(le(s.rng.Uint32N(3))))
	}
	for i, f := range o.class.Fields() {
		if f.Kind() == dc.Parameter && s.rng.IntN(n) == 0 {
			v := f.AppendDefault(nil)
			v[len(v)-1] = byte(s.rng.IntN(100))
			if f.Check(v) == nil {
				o.set(s.tick, i, string(v))
			}
		}
	}
}

// updateViews removes and generates.
func (s *ruleServer) updateViews(quiet bool) {
	for id := uint32(1); id <= 4; id++ {
		o, v := s.objects[id], s.views[id]
		if v != nil && (v.o != o || !quiet && s.rng.IntN(10) == 0) {
			s.reliable = append(s.reliable, Remove{s.stamp(), id, v.o.deleted}.Append(nil))
			delete(s.views, id)
			v = nil
		}
		if v == nil && o != nil && (quiet || s.rng.IntN(2) == 0) {
			m := Generate{Type: ExtGenerate, Stamp: s.stamp(), Class: o.class, DoID: id, HasBaseline: s.rng.IntN(2) == 0}
			m.Zone = binary.LittleEndian.Uint32([]byte(o.state[-1]))
			if m.HasBaseline {
				for i := range o.class.Fields() {
					if value, ok := o.state[i]; ok {
						m.Baseline.Add(i, []byte(value))
					}
				}
			}
			b, err := m.Append(nil)
			if err != nil {
				panic(err)
			}
			s.reliable = append(s.reliable, b)
			s.views[id] = &ruleView{o: o, structure: m.Stamp.Structure, has: m.HasBaseline, tick: s.tick}
			s.lives[m.Stamp.Structure] = o
		}
	}
}

// snapshot sends what the client is not known to have, in parts of two records,
// and skips some as a budget would.
func (s *ruleServer) snapshot(all bool) {
	var part []byte
	var ids []uint32
	flush := func() {
		if len(ids) == 0 {
			return
		}
		s.number++
		m := Part{Stamp: Stamp{s.structure, s.tick}, Number: s.number, Count: uint16(len(ids))}
		s.sent[s.number], s.sentIDs[s.number] = m, ids
		s.unreliable = append(s.unreliable, append(m.Append(nil), part...))
		part, ids = nil, nil
	}
	for id, v := range s.views {
		if !all && s.rng.IntN(4) == 0 {
			continue
		}
		var contents []byte
		for _, i := range slices.Sorted(maps.Keys(v.o.state)) {
			if v.has && !Newer(v.o.stamps[i], v.tick) {
				continue
			}
			if value := []byte(v.o.state[i]); i < 0 {
				contents = AppendRecordZone(contents, binary.LittleEndian.Uint32(value))
			} else {
				contents = AppendRecordField(contents, i, value)
			}
		}
		if len(contents) > 0 {
			part, ids = AppendRecord(part, id, contents), append(ids, id)
		}
		if len(ids) == 2 {
			flush()
		}
	}
	flush()
}

func (s *ruleServer) acknowledged(msg []byte) {
	ack, err := DecodeAck(msg[2:])
	if err != nil {
		panic(err)
	}
	for number := range ack.Parts() {
		m, ok := s.sent[number]
		if !ok {
			continue
		}
		for _, id := range s.sentIDs[number] {
			v := s.views[id]
			if v != nil && !Newer(v.structure, m.Structure) && (!v.has || Newer(m.Tick, v.tick)) {
				v.has, v.tick = true, m.Tick
			}
		}
		delete(s.sent, number)
	}
}

// A ruleShown is an object at the client.
type ruleShown struct {
	class     *dc.Class
	structure uint32 // of the generate
	has       bool
	tick      uint32
	state     ruleState
	held      []TickedMessage
}

type ruleClient struct {
	schema    *dc.Schema
	lives     map[uint32]*ruleObject // the server's, to compare with
	structure uint32
	objects   map[uint32]*ruleShown
	ack       Ack

	applied, lacking, foreign, waited, calls int
}

func (c *ruleClient) receive(msg []byte) error {
	t, body, err := Split(msg)
	if err != nil {
		return err
	}
	switch t {
	case ExtRemove:
		m, err := DecodeRemove(body)
		if err != nil {
			return err
		}
		delete(c.objects, m.DoID) // what it held is delivered now
		return c.advance(m.Stamp)
	case ExtGenerate:
		m, err := DecodeGenerate(c.schema, t, body)
		if err != nil {
			return err
		}
		o := &ruleShown{class: m.Class, structure: m.Stamp.Structure, has: m.HasBaseline, tick: m.Stamp.Tick, state: ruleState{-1: string(le(m.Zone))}}
		for f := m.BaselineFields(); f.Next(); {
			o.state[f.Index()] = string(f.Value())
		}
		c.objects[m.DoID] = o
		if err := c.advance(m.Stamp); err != nil {
			return err
		}
		return c.compare(o)
	case ExtObjectMessage:
		m, err := DecodeTickedMessage(body)
		if o := c.objects[m.DoID]; err == nil && o != nil {
			o.held = append(o.held, m)
			c.release(o)
		}
		return err
	case ExtSnapshot:
		return c.part(body)
	}
	return fmt.Errorf("unexpected %v", t)
}

func (c *ruleClient) advance(s Stamp) error {
	if !Newer(s.Structure, c.structure) {
		return fmt.Errorf("structure %d after %d", s.Structure, c.structure)
	}
	c.structure = s.Structure
	return nil
}

func (c *ruleClient) part(body []byte) error {
	m, err := DecodePart(body)
	if err != nil {
		return err
	}
	if Newer(m.Structure, c.structure) {
		c.lacking++
		return nil
	}
	r := m.Records()
	for r.Next() {
		rec := r.Record()
		o := c.objects[rec.DoID]
		if o == nil || Newer(o.structure, m.Structure) {
			c.foreign++
			continue
		}
		if o.has && !Newer(m.Tick, o.tick) {
			continue
		}
		o.has, o.tick = true, m.Tick
		if rec.HasZone {
			o.state[-1] = string(le(rec.Zone))
		}
		f := rec.Fields(o.class)
		for f.Next() {
			o.state[f.Index()] = string(f.Value())
		}
		if f.Err() != nil {
			return f.Err()
		}
		c.applied++
		if err := c.compare(o); err != nil {
			return err
		}
		c.release(o)
	}
	c.ack.Add(m.Number)
	return r.Err()
}

// release delivers what waited for the state that the object has now.
func (c *ruleClient) release(o *ruleShown) {
	for len(o.held) > 0 {
		if !o.has || Newer(o.held[0].State, o.tick) {
			c.waited++
			return
		}
		c.calls++
		o.held = o.held[1:]
	}
}

// compare says whether the object looks as the server's did at that tick.
func (c *ruleClient) compare(o *ruleShown) error {
	want := c.lives[o.structure].history[o.tick]
	if o.has && !maps.Equal(o.state, want) {
		return fmt.Errorf("at tick %d the client shows %v, the server had %v", o.tick, o.state, want)
	}
	return nil
}

func TestRules(t *testing.T) {
	s := schema(t)
	var total ruleClient
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		server := &ruleServer{
			rng: rng, classes: []*dc.Class{s.Class("DistributedAvatar"), s.Class("DistributedBall")},
			tick:    rng.Uint32N(3) - 2, // some runs wrap around
			objects: map[uint32]*ruleObject{}, views: map[uint32]*ruleView{}, sent: map[uint32]Part{},
			sentIDs: map[uint32][]uint32{}, lives: map[uint32]*ruleObject{},
		}
		client := &ruleClient{schema: s, lives: server.lives, objects: map[uint32]*ruleShown{}}
		receive := func(msg []byte) {
			if err := client.receive(msg); err != nil {
				t.Fatalf("seed %d, tick %d: %v", seed, server.tick, err)
			}
		}
		var acks [][]byte
		for range 80 {
			server.step(false)
			for range rng.IntN(8) {
				if len(server.reliable) > 0 && rng.IntN(3) > 0 {
					receive(server.reliable[0])
					server.reliable = server.reliable[1:]
				}
				if n := len(server.unreliable); n > 0 {
					i := rng.IntN(n)
					if rng.IntN(4) > 0 {
						receive(server.unreliable[i])
					}
					if rng.IntN(4) > 0 {
						server.unreliable = slices.Delete(server.unreliable, i, i+1)
					}
				}
				if b, err := client.ack.Append(nil, 8); err == nil {
					acks = append(acks, b)
				}
				if len(acks) > 0 && rng.IntN(3) == 0 {
					server.acknowledged(acks[rng.IntN(len(acks))])
				}
			}
		}
		// Nothing happens any more, and what is sent arrives.
		for range 3 {
			server.step(true)
			for _, msg := range append(server.reliable, server.unreliable...) {
				receive(msg)
			}
			server.reliable, server.unreliable = nil, nil
			if b, err := client.ack.Append(nil, AckWindow); err == nil {
				server.acknowledged(b)
			}
		}
		if len(client.objects) != len(server.objects) {
			t.Errorf("seed %d: the client has %d objects, the server %d", seed, len(client.objects), len(server.objects))
		}
		for id, o := range server.objects {
			if c := client.objects[id]; c == nil || !maps.Equal(c.state, o.state) || len(c.held) > 0 {
				t.Errorf("seed %d: in the end object %d is %+v, want %v", seed, id, c, o.state)
			}
		}
		total.applied += client.applied
		total.lacking += client.lacking
		total.foreign += client.foreign
		total.waited += client.waited
		total.calls += client.calls
	}
	t.Logf("records applied %d, of other objects %d; parts too early %d; calls %d, waited %d", total.applied, total.foreign, total.lacking, total.calls, total.waited)
	if min(total.applied, total.lacking, total.foreign, total.waited, total.calls) == 0 {
		t.Error("a rule was not put to the test")
	}
}
