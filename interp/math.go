package interp

import "math"

// straight returns the value at frac of the way from a to b; above 1 it is
// past b.
func straight(a, b vec, frac float64, k kind) vec {
	switch k {
	case loop:
		return vec{wrap(a[0] + frac*shortest(b[0]-a[0]))}
	case quat:
		return slerp(a, b, frac)
	case hpr:
		return quatToHPR(slerp(hprToQuat(a), hprToQuat(b), frac))
	}
	return line(a, b, frac)
}

// line is straight for plain values. Its sum of two products cannot overflow
// between a and b, and is exact at both.
func line(a, b vec, frac float64) vec {
	for i := range a {
		a[i] = a[i]*(1-frac) + b[i]*frac
	}
	return a
}

// difference returns the way from a to b.
func difference(a, b vec, k kind) vec {
	for i := range b {
		switch k {
		case loop:
			b[i] = shortest(b[i] - a[i])
		case hpr:
			b[i] = 360 * shortest((math.Mod(b[i], 360)-math.Mod(a[i], 360))/360)
		default:
			b[i] -= a[i]
		}
	}
	return b
}

// points of a curve: it leads from p1 to p2, length seconds later, and comes
// from p0, before seconds earlier.
type points struct {
	p0, p1, p2     vec
	before, length float64
}

// stretch returns how many times longer than the segment before this one is.
// Lengths that differ by less than a time stamp's noise count as equal, as in
// panda3d-pipes.
func (p *points) stretch() float64 {
	if math.Abs(p.length-p.before) <= minStep {
		return 1
	}
	return p.length / p.before
}

// tangents returns one component's way from p1 to p2, and what the velocity
// from p0 to p1 makes in the same time.
func (p *points) tangents(i int, stretch float64, k kind) (d1, d2 float64) {
	d1, d2 = p.p1[i]-p.p0[i], p.p2[i]-p.p1[i]
	if k == loop {
		d1, d2 = shortest(d1), shortest(d2)
	}
	return stretch * d1, d2
}

// curve returns the point at frac of a cubic Hermite curve from p1 to p2 with
// the tangents d1 and d2. As p2 = p1 + d2, the four terms of its usual form
// come to these. It is not finite where a difference overflows.
func curve(p *points, f float64, k kind) vec {
	stretch := p.stretch()
	out := p.p1
	for i := range out {
		d1, d2 := p.tangents(i, stretch, k)
		out[i] += f*d1 + f*f*(2-f)*(d2-d1)
	}
	if k == loop {
		out[0] = wrap(out[0])
	}
	return out
}

// curveRate returns curve's derivative by time.
func curveRate(p *points, f float64, k kind) (out vec) {
	stretch := p.stretch()
	for i := range out {
		d1, d2 := p.tangents(i, stretch, k)
		out[i] = (d1 + f*(4-3*f)*(d2-d1)) / p.length
	}
	return out
}

func scale(a vec, by float64) vec {
	for i := range a {
		a[i] *= by
	}
	return a
}

// clamp replaces what is infinite by the nearest number.
func clamp(a vec) vec {
	for i := range a {
		a[i] = min(max(a[i], -math.MaxFloat64), math.MaxFloat64)
	}
	return a
}

func dot(a, b vec) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] + a[3]*b[3] }

// finite reports whether all components are.
func finite(a vec) bool {
	for _, x := range a {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// wrap brings x into [0, 1).
func wrap(x float64) float64 {
	x -= math.Floor(x)
	if x >= 1 { // a tiny negative x
		return 0
	}
	return x
}

// shortest brings the difference of two places on the circle into
// [−0.5, 0.5].
func shortest(d float64) float64 { return d - math.Round(d) }

// unit returns q at length one, ok false if it has none.
func unit(q vec) (vec, bool) {
	// Scaled first, so that squares neither overflow nor vanish.
	most := 0.0
	for _, x := range q {
		most = max(most, math.Abs(x))
	}
	if most == 0 {
		return q, false
	}
	for i := range q {
		q[i] /= most
	}
	return scale(q, 1/math.Sqrt(dot(q, q))), true
}

// slerp turns from a to b along the shorter arc at a constant rate. Both have
// length one, and so has the result.
func slerp(a, b vec, frac float64) vec {
	d := dot(a, b)
	if d < 0 {
		d, b = -d, scale(b, -1)
	}
	wa, wb := 1-frac, frac
	if d < 1-1e-9 {
		angle := math.Acos(d)
		wa, wb = math.Sin(wa*angle), math.Sin(wb*angle)
	}
	for i := range a {
		a[i] = wa*a[i] + wb*b[i]
	}
	return scale(a, 1/math.Sqrt(dot(a, a)))
}

// hprToQuat returns heading ⊗ pitch ⊗ roll, in Hamilton's order: what is on the
// right turns first.
func hprToQuat(a vec) vec {
	sh, ch := math.Sincos(halfRadians(a[0]))
	sp, cp := math.Sincos(halfRadians(a[1]))
	sr, cr := math.Sincos(halfRadians(a[2]))
	return vec{
		ch*cp*cr - sh*sp*sr,
		ch*sp*cr - sh*cp*sr,
		ch*cp*sr + sh*sp*cr,
		sh*cp*cr + ch*sp*sr,
	}
}

func halfRadians(degrees float64) float64 { return math.Mod(degrees, 720) * (math.Pi / 360) }

func degrees(radians float64) float64 { return radians * (180 / math.Pi) }

// quatToHPR returns the angles of a unit quaternion. The names are places in
// its rotation matrix: zy is the z component of where the y axis goes.
func quatToHPR(q vec) vec {
	r, i, j, k := q[0], q[1], q[2], q[3]
	zx, zy, zz := 2*(i*k-r*j), 2*(j*k+r*i), 1-2*(i*i+j*j)
	xx, yx := 1-2*(j*j+k*k), 2*(i*j+r*k)
	xz, yz := 2*(i*k+r*j), 2*(j*k-r*i)

	// Looking straight up or down, roll and heading turn about the same axis
	// and roll comes out as noise; heading is what it leaves of the turn, so
	// that the three together are still the rotation.
	roll := math.Atan2(0-zx, zz)
	sr, cr := math.Sincos(roll)
	return vec{
		degrees(math.Atan2(cr*yx+sr*yz, cr*xx+sr*xz)),
		degrees(math.Atan2(zy, math.Hypot(zx, zz))),
		degrees(roll),
	}
}
