package interp

import "math"

const (
	// History is for how long, in seconds, a variable keeps samples that are
	// older than what it is sampled for.
	History = 0.05
	// MaxSamples is how many samples a variable holds at most. When more would
	// fall into the delay (over half a second at 255 per second), the oldest go,
	// and the variable is shown with a shorter delay.
	MaxSamples = 128
	// DefaultExtrapolation is panda3d-pipes' limit of extrapolation, in
	// seconds.
	DefaultExtrapolation = 0.25

	// maxTime bounds times, in seconds, so that neighbouring samples can
	// always be told apart.
	maxTime = 1e11
	// minStep is how far apart samples are at least, in seconds. A newer one
	// that is closer replaces the older one.
	minStep = 0.0001
	// maxExtrapolate bounds extrapolation, in seconds.
	maxExtrapolate = 60
	// minSegment is the shortest segment, in seconds, whose velocity is worth
	// going on with.
	minSegment = 0.001
	// maxStretch is how many times longer than the segment before it a segment
	// may be to take its velocity over from it. Over a gap, the curve would
	// swing out by 0.15 times what the old velocity makes in the whole gap.
	maxStretch = 16
)

// A Var is one interpolated variable: the recent values of something that a
// server tells now and then, and what to show in between.
//
// Record what arrives, with the time it is of; each frame, Sample. What is
// shown is as old as the frame's delay, so that there is usually a value
// before it and one after it to interpolate between.
//
// The zero Var is empty and ready to use. Set its fields before the first
// Record. It must not be copied after that, and is not safe for concurrent
// use. Once its history has grown to its size nothing allocates.
type Var[T Value] struct {
	// Linear makes the variable go straight from value to value, so that it
	// never leaves the range of the two. Otherwise it takes up the velocity of
	// the segment before (see [Var.Sample]). Quaternions and HPR angles are
	// always straight: they turn at a constant rate.
	Linear bool
	// Extrapolate is for how many seconds after its newest value the variable
	// goes on at its last velocity when nothing newer has arrived, at most a
	// minute. 0 (or anything else that is no positive number) is none: it holds
	// its newest value.
	Extrapolate float64

	ring []sample[T] // its length is 0 or a power of two, at most MaxSamples
	head int         // index in ring of the newest sample
	n    int         // samples; times strictly fall from the newest to the oldest
	keep float64     // seconds before a record that sampling still needs; 0 unknown
}

type sample[T Value] struct {
	time  float64
	value T
}

// A Frame says which moment variables are sampled for. All times are seconds
// on one clock, the one of the times given to Record: with netclock, Now is
// Client.Time and records have TimeOf their snapshot's tick.
type Frame struct {
	// Now is the present.
	Now float64
	// Delay is by how much what is shown is older than Now, 0 or more:
	// netclock's Rate.InterpolationDelay, one for all variables of a client.
	Delay float64
	// Newest is the time of the newest snapshot received, whether or not it
	// changed the variable. Only extrapolation looks at it: snapshots tell
	// changes, so a variable that the newest one left out has not moved.
	Newest float64
}

// Status says what to expect of a variable.
type Status uint8

const (
	// Empty: there are no samples, and the value is T's zero.
	Empty Status = iota
	// Changing: the value may be another one in the next frame.
	Changing
	// Settled: the value stays as it is while time goes on and until the next
	// Record or Reset, so the variable need not be sampled until then.
	Settled
)

// Record adds the variable's value at a time, and reports whether it differs
// from the newest one before, that is, whether a settled variable has to be
// sampled again.
//
// Samples that are not older are dropped: a server that corrects its clock
// back is right about what came before. Times and values that are not finite,
// times beyond 10¹¹ seconds and quaternions of length zero are ignored. A Loop
// is brought into [0, 1) and a quaternion to length one, with the sign that is
// nearer to the quaternion before it, so that its components are continuous.
func (v *Var[T]) Record(value T, time float64) (changed bool) {
	clean, ok := v.clean(value)
	if !ok || !(math.Abs(time) <= maxTime) {
		return false
	}
	changed = v.n == 0 || v.at(0).value != clean
	for v.n > 0 && v.at(0).time > time-minStep {
		v.head = (v.head + 1) & (len(v.ring) - 1)
		v.n--
	}
	v.push(clean, time)
	if v.keep > 0 {
		v.prune(time - v.keep)
	}
	return changed
}

// Hold records that at a time the variable still had its newest value. Where
// only changes are told, call it with the time of the last snapshot that told
// none before recording the next change: without it a variable that rested for
// a second and then moves looks as if it had been moving all that second, and
// jumps. A time that is not newer than the newest sample's changes nothing.
func (v *Var[T]) Hold(time float64) {
	if v.n > 0 && time-minStep >= v.at(0).time {
		v.Record(v.at(0).value, time)
	}
}

// Reset forgets all samples and begins again with one, as when an object
// appears or is moved elsewhere at once. A value or time that Record would
// ignore leaves the variable empty.
func (v *Var[T]) Reset(value T, time float64) {
	v.n = 0
	v.Record(value, time)
}

// Latest returns the newest sample as it was recorded, ok false if there is
// none.
func (v *Var[T]) Latest() (value T, time float64, ok bool) {
	if v.n == 0 {
		return value, 0, false
	}
	s := v.at(0)
	return s.value, s.time, true
}

// Len returns how many samples are held: at most MaxSamples.
func (v *Var[T]) Len() int { return v.n }

// Sample returns the value to show in a frame.
//
// With target = Now − Delay that is, after the newest sample: its value, or an
// extrapolation; before the oldest: the oldest value; else what lies between
// the samples around target. Between them runs a straight line, or, if there
// is a third sample before them and they are at most 16 times as far apart as
// it is from them, a Hermite curve: it begins with the velocity of the segment
// before and ends with that of the segment's own straight line. The curve
// stays between its ends if both segments go in one direction and the one
// before is at most three times as fast; else it may swing out.
//
// The value is always finite. A Now that is not a number is later than
// everything; a Delay that is not a positive number is none.
//
// An extrapolated value is never settled, as the next snapshot takes it back.
func (v *Var[T]) Sample(f Frame) (T, Status) {
	if v.n == 0 {
		var zero T
		return zero, Empty
	}
	target := f.target()
	s := v.find(target)
	value, status := v.value(s, target, f.Newest)
	if d := f.delay(); d <= maxTime {
		v.keep = d + History
	}
	v.prune(f.Now - f.delay() - History)
	return value, status
}

// Derivative returns the velocity of what Sample shows in the frame, in units
// per second: turns for a Loop; for HPR each angle's degrees by the shorter
// way, and for a quaternion its components' change, both as the mean of the
// segment. It is 0 where the value is held, and always finite.
func (v *Var[T]) Derivative(f Frame) T {
	var zero T
	target := f.target()
	s := v.find(target)
	switch {
	case s.held():
		if p, ok := v.ahead(s, f.Newest); ok && target-v.at(0).time < v.limit() {
			return store[T](v.velocity(p))
		}
		return zero
	case v.curved(s):
		var p points
		v.points(&p, s)
		if d := curveRate(&p, s.frac, kindOf[T]()); finite(d) {
			return store[T](d)
		}
	}
	return store[T](v.velocity(s))
}

// SmoothDerivative returns a velocity that changes less abruptly than
// Derivative: within a segment it goes straight from the mean velocity of the
// segment before to its own, and after an extrapolation has ended it falls to
// 0 within as much time again. For animation, not for finding places.
func (v *Var[T]) SmoothDerivative(f Frame) T {
	var zero T
	target := f.target()
	s := v.find(target)
	if s.held() {
		p, ok := v.ahead(s, f.Newest)
		if !ok {
			return zero
		}
		over := max(0, target-v.at(0).time-v.limit())
		return store[T](scale(v.velocity(p), max(0, 1-over/v.limit())))
	}
	d := v.velocity(s)
	if s.older+1 < v.n {
		d = line(v.velocity(segment{newer: s.older, older: s.older + 1}), d, s.frac)
	}
	return store[T](d)
}

func (f Frame) delay() float64 {
	if f.Delay > 0 {
		return f.Delay
	}
	return 0
}

// target returns the time to show, which is a number.
func (f Frame) target() float64 {
	if t := f.Now - f.delay(); t == t {
		return t
	}
	return math.Inf(1)
}

// A segment is where a target lies: between two samples, which are neighbours,
// or at one of the ends, where both are the same.
type segment struct {
	newer, older int
	frac         float64 // of the way from older to newer
}

func (s segment) held() bool { return s.newer == s.older }

// find returns where target lies.
func (v *Var[T]) find(target float64) segment {
	i := 0
	for i < v.n && target < v.at(i).time {
		i++
	}
	switch i {
	case 0:
		return segment{}
	case v.n:
		return segment{newer: i - 1, older: i - 1}
	}
	a, b := v.at(i).time, v.at(i-1).time
	return segment{newer: i - 1, older: i, frac: (target - a) / (b - a)}
}

func (v *Var[T]) value(s segment, target, newest float64) (T, Status) {
	if s.held() {
		if p, ok := v.ahead(s, newest); ok && target >= v.at(0).time {
			if v.at(p.newer).value == v.at(p.older).value {
				return v.at(0).value, Settled
			}
			return store[T](v.beyond(min(target-v.at(0).time, v.limit()))), Changing
		}
		if target >= v.at(0).time {
			return v.at(0).value, Settled
		}
		return v.at(s.newer).value, Changing
	}

	curved := v.curved(s)
	a, b := v.at(s.older), v.at(s.newer)
	if a.value == b.value && (!curved || v.at(s.older+1).value == a.value) {
		if s.newer == 0 {
			return a.value, Settled
		}
		return a.value, Changing
	}
	if curved {
		var p points
		v.points(&p, s)
		if c := curve(&p, s.frac, kindOf[T]()); finite(c) {
			return store[T](c), Changing
		}
	}
	return store[T](straight(load(&a.value), load(&b.value), s.frac, kindOf[T]())), Changing
}

// ahead returns the segment whose velocity goes on after the newest sample,
// and whether it does for a target held at s.
func (v *Var[T]) ahead(s segment, newest float64) (segment, bool) {
	last := segment{newer: 0, older: 1}
	return last, s.newer == 0 && v.n > 1 && v.limit() > 0 &&
		newest <= v.at(0).time && v.at(0).time-v.at(1).time >= minSegment
}

func (v *Var[T]) limit() float64 {
	if v.Extrapolate > 0 {
		return min(v.Extrapolate, maxExtrapolate)
	}
	return 0
}

// beyond returns where the last segment leads to, some seconds after it.
func (v *Var[T]) beyond(seconds float64) vec {
	k := kindOf[T]()
	a, b := v.at(1), v.at(0)
	if k.turns() {
		return straight(load(&a.value), load(&b.value), 1+seconds/(b.time-a.time), k)
	}
	out := load(&b.value)
	for i, x := range v.velocity(segment{newer: 0, older: 1}) {
		out[i] += x * seconds
	}
	if k == loop {
		out[0] = wrap(out[0])
	}
	return out
}

// curved reports whether the way through a segment is a curve.
func (v *Var[T]) curved(s segment) bool {
	if v.Linear || s.held() || s.older+1 >= v.n || kindOf[T]().turns() {
		return false
	}
	before := v.at(s.older).time - v.at(s.older+1).time
	return v.at(s.newer).time-v.at(s.older).time <= maxStretch*before
}

// points sets p to what the curve through a segment needs.
func (v *Var[T]) points(p *points, s segment) {
	s0, s1, s2 := v.at(s.older+1), v.at(s.older), v.at(s.newer)
	p.p0, p.p1, p.p2 = load(&s0.value), load(&s1.value), load(&s2.value)
	p.before, p.length = s1.time-s0.time, s2.time-s1.time
}

// velocity returns the mean velocity of a segment that is not held.
func (v *Var[T]) velocity(s segment) vec {
	a, b := v.at(s.older), v.at(s.newer)
	return clamp(scale(difference(load(&a.value), load(&b.value), kindOf[T]()), 1/(b.time-a.time)))
}

// at returns the i-th sample, the newest first.
func (v *Var[T]) at(i int) *sample[T] { return &v.ring[(v.head+i)&(len(v.ring)-1)] }

// push adds a sample that is newer than all others.
func (v *Var[T]) push(value T, time float64) {
	if v.n == len(v.ring) && v.n < MaxSamples {
		ring := make([]sample[T], max(4, 2*v.n))
		for i := range v.n {
			ring[i] = *v.at(i)
		}
		v.ring, v.head = ring, 0
	}
	v.head = (v.head - 1) & (len(v.ring) - 1)
	v.ring[v.head] = sample[T]{time, value}
	v.n = min(v.n+1, len(v.ring))
}

// prune drops what is older than a time, except the two samples next to it:
// the segment around it and the velocity before that need them.
func (v *Var[T]) prune(before float64) {
	for i := range v.n {
		if v.at(i).time < before {
			v.n = min(v.n, i+3)
			return
		}
	}
}

// clean returns a value as it is kept, ok false if it is not fit to be.
func (v *Var[T]) clean(value T) (clean T, ok bool) {
	x := load(&value)
	if !finite(x) {
		return value, false
	}
	switch kindOf[T]() {
	case loop:
		return store[T](vec{wrap(x[0])}), true
	case quat:
		if x, ok = unit(x); !ok {
			return value, false
		}
		if v.n > 0 {
			if last := v.at(0); dot(load(&last.value), x) < 0 {
				x = scale(x, -1)
			}
		}
		return store[T](x), true
	}
	return value, true
}
