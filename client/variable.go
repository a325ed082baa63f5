package client

import (
	"time"

	"github.com/culm-net/culm/interp"
	"github.com/culm-net/culm/pipes/clientsession"
)

// Variable is a value of an object that arrives with snapshots and is shown as
// motion: see package interp. Make it with [Interpolate].
type Variable[T interp.Value] struct {
	values interp.Var[T]
	object *Object
	get    func(o *Object) T
	value  T
	rests  bool // it is settled
}

// variable is a Variable of any type.
type variable interface {
	record(held, now float64) (rests bool)
	sample(f interp.Frame) (settled bool)
}

// Option says how a variable is interpolated.
type Option func(*options)

type options struct {
	linear      bool
	extrapolate time.Duration
}

// Linear makes a variable go straight from value to value, so that it never
// leaves the range of the two. Otherwise it goes in curves.
func Linear() Option { return func(o *options) { o.linear = true } }

// Extrapolate lets a variable go on at its last velocity for so long (at most a
// minute, [interp.DefaultExtrapolation] seconds in panda3d-pipes) when the server
// falls silent. Otherwise it stops.
func Extrapolate(limit time.Duration) Option { return func(o *options) { o.extrapolate = limit } }

// Interpolate makes a variable of an object. get returns the value of the object's
// present state; it is called once now, and whenever a snapshot has changed the
// object. It must depend on nothing else. A typical place to make variables is
// where the view is made:
//
//	pos := client.Interpolate(o, func(o *client.Object) interp.Vec2 { … })
//
// All variables of a client are sampled in each Frame, as long as they are in
// motion: [Variable.Value] is what to show. What is shown is older than the
// server's present by the delay that Config.Interp and InterpRatio say, so that
// there usually is a value before it and one after it.
func Interpolate[T interp.Value](o *Object, get func(o *Object) T, opts ...Option) *Variable[T] {
	var all options
	for _, opt := range opts {
		opt(&all)
	}
	v := &Variable[T]{object: o, get: get}
	v.values.Linear = all.linear
	v.values.Extrapolate = all.extrapolate.Seconds()
	o.variables = append(o.variables, v)
	v.Reset()
	return v
}

// Value returns what to show in the present frame.
func (v *Variable[T]) Value() T { return v.value }

// Newest returns the newest value that the server has told.
func (v *Variable[T]) Newest() T {
	value, _, _ := v.values.Latest()
	return value
}

// Velocity returns how fast what is shown in the present frame moves, per second;
// see [interp.Var.Derivative].
func (v *Variable[T]) Velocity() T {
	var zero T
	if v.rests || v.object.gone {
		return zero
	}
	return v.values.Derivative(v.object.client.frame)
}

// SmoothVelocity is a velocity that changes less abruptly, for animation; see
// [interp.Var.SmoothDerivative].
func (v *Variable[T]) SmoothVelocity() T {
	var zero T
	if v.rests || v.object.gone {
		return zero
	}
	return v.values.SmoothDerivative(v.object.client.frame)
}

// Reset makes the variable show the object's present state at once instead of
// moving there, as when the object was put somewhere else.
func (v *Variable[T]) Reset() {
	o := v.object
	if o.gone {
		return
	}
	v.values.Reset(v.get(o), o.time())
	v.value, _, _ = v.values.Latest()
	v.rests = false
	o.activate()
}

func (v *Variable[T]) record(held, now float64) (rests bool) {
	v.values.Hold(held)
	if v.values.Record(v.get(v.object), now) {
		v.rests = false
	}
	return v.rests
}

func (v *Variable[T]) sample(f interp.Frame) (settled bool) {
	if v.rests {
		return true
	}
	var s interp.Status
	v.value, s = v.values.Sample(f)
	v.rests = s != interp.Changing
	return v.rests
}

// time returns the time of the object's state, in seconds of the server's clock.
func (o *Object) time() float64 { return o.client.session.Clock().TimeOf(o.Tick()) }

// record gives the object's variables its new state.
func (o *Object) record() {
	if len(o.variables) == 0 {
		return
	}
	held, now := o.client.known.time, o.time()
	for _, v := range o.variables {
		if !v.record(held, now) {
			o.activate()
		}
	}
}

// activate has the object's variables sampled from the next frame on.
func (o *Object) activate() {
	if !o.active {
		o.active = true
		o.client.active = append(o.client.active, o)
	}
}

// known is up to when the client knows of every object whether it has changed: an
// object that nothing was told of has not until then.
type known struct {
	time   float64 // in seconds of the server's clock
	newest float64 // snapshot
}

// snapshot notes a snapshot that was applied. The plain dialect's are whole, as
// they arrive in order. With the extension a part may be lost, or the server may
// have put off what did not fit into the client's budget, and then go on without
// a whole snapshot for as long as it likes. An object that is not told of for
// longer than the delay of interpolation is taken for resting: it is, on
// the screen.
func (k *known) snapshot(s *clientsession.Session, n clientsession.Snapshot) {
	t := s.Clock().TimeOf(n.Tick)
	if k.newest == 0 || t > k.newest {
		k.newest = t
	}
	if !n.Whole && s.Extended() {
		t = k.newest - s.InterpolationDelay()
	}
	if k.time == 0 || t > k.time {
		k.time = t
	}
}

// sample samples the variables that move, and tells their views.
func (c *Client) sample() {
	if c.state != Connected || len(c.active) == 0 {
		return
	}
	clock := c.session.Clock()
	c.frame = interp.Frame{Now: clock.Time(), Delay: c.session.InterpolationDelay(), Newest: c.known.time}
	moved, active := c.moved[:0], c.active[:0]
	for _, o := range c.active {
		if o.gone {
			continue
		}
		o.active = false
		for _, v := range o.variables {
			if !v.sample(c.frame) {
				o.active = true
			}
		}
		if o.active {
			active = append(active, o)
		}
		if _, ok := o.view.(InterpolateHandler); ok {
			moved = append(moved, o)
		}
	}
	clear(c.active[len(active):])
	c.active = active
	for _, o := range moved {
		if !o.gone {
			o.view.(InterpolateHandler).Interpolated(o)
		}
	}
	clear(moved)
	c.moved = moved[:0]
}
