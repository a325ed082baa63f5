// Package interp shows values that arrive now and then as motion: interpolated
// variables, after Valve's Source engine and as panda3d-pipes has them
// (protocol file pipes.md, "Interpolated variables").
//
// A [Var] keeps the recent values of one variable. It reads no clock and starts no
// goroutine: every time is an argument, in seconds, and all are on one clock.
// In panda3d-pipes records and samples are on two that start at different
// moments, so that it shows the newest value in practice.
//
// # Where panda3d-pipes does otherwise
//
// Besides the clocks, on purpose:
//
//   - Extrapolating, it says that no more changes are to come while the value
//     moves on, and whoever stops sampling then leaves it in the wrong place.
//   - The velocity before a Loop's segment, scaled to the segment's length,
//     turns round in it as soon as it exceeds half a turn. It loops
//     only for float32, and not when extrapolating.
//   - Its quaternions change their sign between segments when the recorded
//     ones do, and derivatives across such a change are wrong; so are those
//     of angles across 360 degrees.
//   - It takes time 0 for no time and makes up samples there when it has less
//     than three.
//   - Its derivative is 0 while it extrapolates, and the smooth one asks
//     another question than Sample does on whether to.
//   - A curve takes its first velocity from however short a segment before a gap.
//   - What is not finite stays in the history and makes all around it so.
package interp

import "math"

// Value is what can be interpolated. The vector types are arrays, so that
// those of other libraries convert: interp.Vec3(v) for any [3]float64.
type Value interface {
	float32 | float64 | Vec2 | Vec3 | Vec4 | Quat | HPR | Loop
}

type (
	// Vec2 is a vector of two components.
	Vec2 [2]float64
	// Vec3 is a vector of three components, such as a position.
	Vec3 [3]float64
	// Vec4 is a vector of four components, such as a colour.
	Vec4 [4]float64
	// Quat is a rotation as a unit quaternion r, i, j, k, in the order of
	// Panda3D's LQuaternion. It interpolates along the shorter arc.
	Quat [4]float64
	// HPR is a rotation in Panda3D's angles in degrees: first roll about y,
	// then pitch about x, then heading about z, all right-handed. It
	// interpolates as a quaternion does. What is recorded comes back as it is
	// where the variable rests; in between, heading and roll are
	// within ±180 and pitch within ±90.
	HPR [3]float64
	// Loop is a place on a circle of circumference 1, such as the phase of an
	// animation: 0.9 and 0.1 are 0.2 apart. It interpolates by the shorter way
	// and is at least 0 and less than 1.
	Loop float64
)

// Quat returns the rotation as a quaternion.
func (a HPR) Quat() Quat { return Quat(hprToQuat(vec{a[0], a[1], a[2]})) }

// HPR returns the rotation as angles. The quaternion must have length one.
func (q Quat) HPR() HPR {
	a := quatToHPR(vec(q))
	return HPR{a[0], a[1], a[2]}
}

// kind is how a type is interpolated.
type kind uint8

const (
	plain kind = iota // component by component
	loop
	quat
	hpr
)

// turns reports whether values are rotations in space.
func (k kind) turns() bool { return k >= quat }

func kindOf[T Value]() kind {
	var p *T
	switch any(p).(type) {
	case *Loop:
		return loop
	case *Quat:
		return quat
	case *HPR:
		return hpr
	}
	return plain
}

// vec holds a value of any type for arithmetic, what it lacks being 0.
type vec [4]float64

func load[T Value](v *T) vec {
	switch v := any(v).(type) {
	case *float32:
		return vec{float64(*v)}
	case *float64:
		return vec{*v}
	case *Vec2:
		return vec{v[0], v[1]}
	case *Vec3:
		return vec{v[0], v[1], v[2]}
	case *Vec4:
		return vec(*v)
	case *Quat:
		return vec(*v)
	case *HPR:
		return vec{v[0], v[1], v[2]}
	case *Loop:
		return vec{float64(*v)}
	}
	return vec{}
}

// store returns a vec as a value. What the type cannot hold becomes the
// nearest that it can.
func store[T Value](x vec) (value T) {
	x = clamp(x)
	switch v := any(&value).(type) {
	case *float32:
		*v = float32(min(max(x[0], -math.MaxFloat32), math.MaxFloat32))
	case *float64:
		*v = x[0]
	case *Vec2:
		*v = Vec2{x[0], x[1]}
	case *Vec3:
		*v = Vec3{x[0], x[1], x[2]}
	case *Vec4:
		*v = Vec4(x)
	case *Quat:
		*v = Quat(x)
	case *HPR:
		*v = HPR{x[0], x[1], x[2]}
	case *Loop:
		*v = Loop(x[0])
	}
	return value
}
