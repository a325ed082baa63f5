package netclock

import "time"

// MaxRTT is the longest round-trip time that an [RTT] believes. A client can
// report up to 49 days.
const MaxRTT = time.Minute

// rttWindow is how many values an RTT keeps.
const rttWindow = 5

// An RTT holds the last five round-trip times of a connection (pipes.md,
// "Ping"): those that a client measured, or that a server was told. The zero
// RTT is empty and ready to use.
type RTT struct {
	last   [rttWindow]time.Duration
	next   int // index of the oldest value
	any    bool
	jitter float64 // nanoseconds
}

// Add adds a value. The first one sets all five. One above MaxRTT counts as
// MaxRTT; a negative one is a broken clock's and is ignored.
func (r *RTT) Add(rtt time.Duration) {
	if rtt < 0 {
		return
	}
	rtt = min(rtt, MaxRTT)
	if !r.any {
		r.any = true
		for i := range r.last {
			r.last[i] = rtt
		}
	}
	r.jitter = smooth(r.jitter, float64((rtt - r.Current()).Abs()))
	r.last[r.next] = rtt
	r.next = (r.next + 1) % rttWindow
}

// Known reports whether there is a value.
func (r *RTT) Known() bool { return r.any }

// Current returns the last value, 0 if there is none.
func (r *RTT) Current() time.Duration { return r.last[(r.next+rttWindow-1)%rttWindow] }

// Average returns the mean of the last five values, 0 if there is none.
func (r *RTT) Average() time.Duration {
	var sum time.Duration
	for _, d := range r.last {
		sum += d
	}
	return sum / rttWindow
}

// Jitter returns by how much consecutive values differ, averaged over about 16
// of them as in RFC 3550, section 6.4.1.
func (r *RTT) Jitter() time.Duration { return time.Duration(r.jitter) }

// smooth moves a running average towards a new value by a sixteenth of the
// way, RFC 3550's gain.
func smooth(average, value float64) float64 { return average + (value-average)/16 }
