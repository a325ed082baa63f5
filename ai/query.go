package ai

import (
	"fmt"
	"slices"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// query is a question that waits for its answer.
type query struct {
	response md.Type
	answer   func(r *datagram.Reader) // after the context
	end      func(err error)          // without an answer, or when all parts of it are there
	stop     func()                   // of the timeout

	// Of questions for what is in zones:
	collect func(o *Object) // where objects go, nil if they are shown
	count   int             // of them, -1 as long as it is not known
	came    int
	check   func()
}

// ask asks a question. When there is no link it fails at once.
func (a *AI) ask(t, response md.Type, to uint64, payload func(w *datagram.Writer), q *query) {
	if a.stopped.Load() {
		q.end(ErrStopped)
		return
	}
	if !a.up {
		q.end(ErrLost)
		return
	}
	for a.nextContext++; a.nextContext == 0 || a.queries[a.nextContext] != nil; a.nextContext++ {
	}
	context := a.nextContext
	a.queries[context] = q
	q.response = response
	end := q.end
	q.end = func(err error) {
		a.close(context)
		end(err)
	}
	if answer := q.answer; q.check == nil { // else it has its answer in parts
		q.answer = func(r *datagram.Reader) {
			a.close(context)
			answer(r)
		}
	}
	err := a.send(&a.self, t, to, func(w *datagram.Writer) {
		w.Uint32(context)
		if payload != nil {
			payload(w)
		}
	})
	if err != nil {
		q.end(err)
		return
	}
	q.stop = a.After(a.config.QueryTimeout, func() {
		if a.queries[context] == q {
			q.end(ErrTimeout)
		}
	})
}

func (a *AI) close(context uint32) {
	if q := a.queries[context]; q != nil {
		delete(a.queries, context)
		if q.stop != nil {
			q.stop()
		}
	}
}

func (a *AI) failQueries(err error) {
	contexts := make([]uint32, 0, len(a.queries))
	for context := range a.queries {
		contexts = append(contexts, context)
	}
	slices.Sort(contexts) // so that they fail in the order they were asked
	for _, context := range contexts {
		if q := a.queries[context]; q != nil {
			q.end(err)
		}
	}
}

// ask1 asks a question of which the answer is read by read.
func ask1[T any](a *AI, t, response md.Type, to uint64, payload func(w *datagram.Writer), read func(r *datagram.Reader) (T, error), done func(T, error)) {
	a.ask(t, response, to, payload, &query{
		answer: func(r *datagram.Reader) {
			v, err := read(r)
			if err == nil {
				err = r.Err()
			}
			done(v, err)
		},
		end: func(err error) {
			var none T
			done(none, err)
		},
	})
}

// Values are packed field values by field.
type Values map[*dc.Field][]byte

// GetField asks an object for a field's packed value; nil if it is not set, or
// the object has no such field. Nobody answers for an object that is not there,
// so that the error is ErrTimeout then, here and below.
func (a *AI) GetField(doID uint32, f *dc.Field, done func(value []byte, err error)) {
	ask1(a, md.StateServerObjectGetField, md.StateServerObjectGetFieldResp, uint64(doID), func(w *datagram.Writer) {
		w.Uint32(doID)
		w.Uint16(uint16(f.Number()))
	}, func(r *datagram.Reader) ([]byte, error) {
		if !r.Bool() || r.Err() != nil {
			return nil, nil
		}
		values, err := a.readValues(r, 1)
		return values[f], err
	}, done)
}

// GetFields asks for several; those that are not set are missing. The answer is
// nil if the object does not have one of the fields.
func (a *AI) GetFields(doID uint32, fields []*dc.Field, done func(values Values, err error)) {
	ask1(a, md.StateServerObjectGetFields, md.StateServerObjectGetFieldsResp, uint64(doID), func(w *datagram.Writer) {
		w.Uint32(doID)
		w.Uint16(uint16(len(fields)))
		for _, f := range fields {
			w.Uint16(uint16(f.Number()))
		}
	}, func(r *datagram.Reader) (Values, error) {
		if !r.Bool() || r.Err() != nil {
			return nil, nil
		}
		return a.readValues(r, r.Uint16())
	}, done)
}

func (a *AI) readValues(r *datagram.Reader, n uint16) (Values, error) {
	values := make(Values)
	for range n {
		number := r.Uint16()
		if r.Err() != nil {
			return nil, r.Err()
		}
		f := a.config.Schema.FieldByNumber(int(number))
		if f == nil {
			return nil, fmt.Errorf("ai: there is no field number %d; do the DC files differ?", number)
		}
		rest := r.Rest()
		n, err := f.CheckPrefix(rest)
		if err != nil {
			return nil, err
		}
		values[f] = slices.Clone(rest[:n])
		*r = datagram.NewReader(rest[n:])
	}
	return values, nil
}

// Snapshot is an object as it was when it was asked for.
type Snapshot struct {
	ID    uint32
	Class *dc.Class
	Location
	Values Values
}

func (o *Object) snapshot() Snapshot {
	s := Snapshot{ID: o.id, Class: o.class, Location: o.place, Values: make(Values)}
	for number, value := range o.values {
		s.Values[o.class.Field(number)] = value
	}
	return s
}

// GetAll asks for all of an object's values.
func (a *AI) GetAll(doID uint32, done func(Snapshot, error)) {
	ask1(a, md.StateServerObjectGetAll, md.StateServerObjectGetAllResp, uint64(doID), func(w *datagram.Writer) { w.Uint32(doID) },
		func(r *datagram.Reader) (Snapshot, error) {
			o, err := a.head(r)
			if err != nil {
				return Snapshot{}, err
			}
			if err := o.fill(r, toAI, true); err != nil {
				return Snapshot{}, err
			}
			return o.snapshot(), nil
		}, done)
}

// GetLocation asks where an object is.
func (a *AI) GetLocation(doID uint32, done func(Location, error)) {
	ask1(a, md.StateServerObjectGetLocation, md.StateServerObjectGetLocationResp, uint64(doID), nil,
		func(r *datagram.Reader) (Location, error) {
			r.Skip(4)
			return Location{r.Uint32(), r.Uint32()}, nil
		}, done)
}

// GetAI asks for the channel of an object's AI; 0 is none.
func (a *AI) GetAI(doID uint32, done func(channel uint64, err error)) {
	ask1(a, md.StateServerObjectGetAI, md.StateServerObjectGetAIResp, uint64(doID), nil, readChannel, done)
}

// GetOwner asks for the channel of an object's owner; 0 is none. Astron's state
// servers do not answer.
func (a *AI) GetOwner(doID uint32, done func(channel uint64, err error)) {
	ask1(a, md.StateServerObjectGetOwner, md.StateServerObjectGetOwnerResp, uint64(doID), nil, readChannel, done)
}

func readChannel(r *datagram.Reader) (uint64, error) {
	r.Skip(4) // the doId
	return r.Uint64(), nil
}

// GetChildCount asks how many children an object has. Astron's state servers do
// not answer.
func (a *AI) GetChildCount(parent uint32, done func(count uint32, err error)) {
	ask1(a, md.StateServerObjectGetChildCount, md.StateServerObjectGetChildCountResp, uint64(parent), func(w *datagram.Writer) { w.Uint32(parent) },
		func(r *datagram.Reader) (uint32, error) { return r.Uint32(), nil }, done)
}

// GetActiveZones asks in which zones an object has children.
func (a *AI) GetActiveZones(parent uint32, done func(zones []uint32, err error)) {
	ask1(a, md.StateServerObjectGetActiveZones, md.StateServerObjectGetActiveZonesResp, uint64(parent), nil,
		func(r *datagram.Reader) ([]uint32, error) {
			var zones []uint32
			for range r.Uint16() {
				zones = append(zones, r.Uint32())
			}
			return zones, nil
		}, done)
}

// GetZoneObjects asks for the objects in zones of a parent, with the values of
// their fields with broadcast or clrecv. When not all have answered in time, done
// gets those that have, and ErrTimeout.
func (a *AI) GetZoneObjects(parent uint32, zones []uint32, done func([]Snapshot, error)) {
	var all []Snapshot
	a.askZones(parent, zones, func(o *Object) { all = append(all, o.snapshot()) }, func(err error) { done(all, err) })
}

// askZones asks for the objects in zones. They go to collect, or are shown if
// that is nil; then done is called.
func (a *AI) askZones(parent uint32, zones []uint32, collect func(o *Object), done func(error)) {
	q := &query{collect: collect, count: -1, end: done}
	q.answer = func(r *datagram.Reader) {
		if q.count = int(r.Uint32()); r.Err() != nil {
			q.end(r.Err())
			return
		}
		q.check()
	}
	q.check = func() {
		if q.count >= 0 && q.came >= q.count {
			q.end(nil)
		}
	}
	a.ask(md.StateServerObjectGetZonesObjects, md.StateServerObjectGetZonesCountResp, uint64(parent), func(w *datagram.Writer) {
		w.Uint32(parent)
		w.Uint16(uint16(len(zones)))
		for _, zone := range zones {
			w.Uint32(zone)
		}
	}, q)
}
