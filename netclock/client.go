package netclock

import "math"

// samples is how many offsets the drift is averaged over.
const samples = 16

// lateFor is for how long, in seconds, ticks must arrive too late before the
// client believes that its clock is ahead and not that the network is slow.
const lateFor = 0.25

// A Client is a client's clock: it runs at the server's rate and is held to
// the ticks that the server's snapshots carry. Call ServerTick for each
// received snapshot and Advance once a frame.
//
// Both together keep Time within the settings' limits of the server's time as
// it arrives here, that is, behind the server's own by the way of a packet.
//
// # Drift
//
// The last 16 differences between the client's and the received tick are kept.
// While their average is beyond MinOffset, Advance shortens frames (client
// ahead) or lengthens them (client behind), by at most MaxAmount per second
// and never past the average, and takes what it corrected out of all 16. A
// tick further off than DriftMax snaps the clock to it.
//
// # Where panda3d-pipes does otherwise
//
// Each of these is a fault of its clock that shows in recorded runs; the tests
// hold this clock to those runs without the faults.
//
//   - It notes the offset from before a snap after it, so it goes on
//     correcting at full speed what the snap has corrected. Here a snap leaves
//     no offset.
//   - It takes out of the 16 what it corrected only while the client is ahead;
//     a client that was behind overshoots. Here both ways are the same.
//   - It counts the present frame's ticks twice in the client's tick, so
//     offsets depend on how many ticks fell into a frame: a client with more
//     frames than ticks sees itself a tick behind, and runs ahead.
//   - After a snap it goes on telling the remainder from before it.
//   - Its client time is a sum of frames that snaps leave alone, while its
//     tick jumps: records stamped by the one and sampled by the other never
//     meet. Here there is one time.
//   - A frame of any length is made good tick by tick, so a long pause stops
//     the game for longer, and an infinite one for ever.
//   - One packet that was under way too long snaps it back, and the next one
//     forth. Here only a quarter of a second of nothing but late ticks snaps
//     back, as no packet can come early but any can come late; and a tick that
//     is not newer than one before it is no sample, as it says only that it
//     was late.
type Client struct {
	clock     Clock
	settings  Settings
	driftMax  int64 // ticks
	synced    bool
	heard     bool  // a server tick has been received since the last Reset
	newest    int64 // the newest of them; set while heard
	offsets   [samples]float64
	next      int // index of the oldest offset
	late      bool
	lateSince float64 // Time of the first late tick in a row; set while late
	delay     float64 // seconds that the last tick was behind Time
	jitter    float64 // seconds
	snaps     uint64
}

// NewClient returns a clock at tick 0 that snaps to the first tick received.
func NewClient(s Settings) (*Client, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	clock, err := newClock(s.TickRate, s.CatchUp)
	if err != nil {
		return nil, err
	}
	return &Client{
		clock:    clock,
		settings: s,
		driftMax: max(1, s.TickRate.Ticks(s.DriftMax.Seconds())),
	}, nil
}

// Reset sets the clock to a tick that the server told outside of snapshots, as
// in SV_Hello_Resp, and forgets all that was received.
func (c *Client) Reset(tick uint32) { c.start(int64(tick)) }

// start begins anew at a tick.
func (c *Client) start(tick int64) {
	c.clock.set(tick)
	c.synced, c.heard, c.late = true, false, false
	c.offsets, c.next = [samples]float64{}, 0
}

// ServerTick takes the tick of a snapshot that has just arrived, and reports
// whether the clock snapped to it. A snap moves Time, back or forth; nothing
// else does but Reset and Advance.
func (c *Client) ServerTick(tick uint32) (snapped bool) {
	server := c.clock.unwrap(tick)
	if !c.synced {
		server = int64(tick)
	}
	offset := c.clock.tick - server
	if c.synced && offset > c.driftMax && !c.lateForLong() {
		return false
	}
	if !c.synced || offset > c.driftMax || offset < -c.driftMax {
		c.start(server)
		c.heard, c.newest, c.delay = true, server, 0
		c.snaps++
		return true
	}
	c.late = false
	if c.heard && server <= c.newest {
		return false
	}
	c.offsets[c.next] = float64(offset)
	c.next = (c.next + 1) % samples

	delay := c.Time() - c.clock.rate.Seconds(server)
	if c.heard {
		c.jitter = smooth(c.jitter, math.Abs(delay-c.delay))
	}
	c.heard, c.newest, c.delay = true, server, delay
	return false
}

// lateForLong notes a tick that came too late, and reports whether there have
// been only such for some time.
func (c *Client) lateForLong() bool {
	if !c.late {
		c.late, c.lateSince = true, c.Time()
	}
	return c.Time()-c.lateSince >= lateFor
}

// Advance adds a frame of dt seconds, corrected for drift, and returns how
// many ticks began in it, like [Clock.Advance]; a correction may lengthen the
// longest frame to less than double. No frame becomes shorter than 0: only a
// snap takes time back.
func (c *Client) Advance(dt float64) int {
	dt = c.clock.usable(dt)
	return c.clock.step(dt + c.correct(dt))
}

// correct returns how many seconds to add to a frame of dt seconds, and takes
// them out of the offsets.
func (c *Client) correct(dt float64) float64 {
	ticks := c.meanOffset()
	off := math.Abs(ticks) * c.clock.interval
	if !c.settings.Correction || off <= c.settings.MinOffset.Seconds() {
		return 0
	}
	by := min(dt*c.amount(off), off)
	for i := range c.offsets {
		c.offsets[i] *= 1 - by/off
	}
	return -math.Copysign(by, ticks)
}

// amount returns how many seconds are corrected per second at an offset.
func (c *Client) amount(off float64) float64 {
	low, high, most := c.settings.MinOffset.Seconds(), c.settings.MaxOffset.Seconds(), c.settings.MaxAmount.Seconds()
	if off >= high {
		return most
	}
	return most * (off - low) / (high - low)
}

// meanOffset returns by how many ticks the client is ahead.
func (c *Client) meanOffset() float64 {
	sum := 0.0
	for _, o := range c.offsets {
		sum += o
	}
	return sum / samples
}

// Rate returns the server's rate.
func (c *Client) Rate() Rate { return c.clock.Rate() }

// Tick returns the present tick as it is on the wire; see [Clock.Tick].
func (c *Client) Tick() uint32 { return c.clock.Tick() }

// Remainder returns how many seconds of the present tick are over.
func (c *Client) Remainder() float64 { return c.clock.Remainder() }

// Time returns the present time in seconds; see [Clock.Time].
func (c *Client) Time() float64 { return c.clock.Time() }

// TimeOf returns the time in seconds of a received tick, on the scale of Time;
// see [Clock.TimeOf].
func (c *Client) TimeOf(tick uint32) float64 { return c.clock.TimeOf(tick) }

// Dropped returns how many seconds of frame time Advance did not make good.
func (c *Client) Dropped() float64 { return c.clock.Dropped() }

// Synced reports whether the clock has been set, by a received tick or Reset.
func (c *Client) Synced() bool { return c.synced }

// Newest returns the newest server tick received, ok false if there was none
// since the beginning or the last Reset. Extrapolation asks for its time.
func (c *Client) Newest() (tick uint32, ok bool) { return uint32(c.newest), c.heard }

// Offset returns by how many seconds the client is ahead of the ticks that it
// receives, averaged; negative if it is behind.
func (c *Client) Offset() float64 { return c.meanOffset() * c.clock.interval }

// Jitter returns by how many seconds the delays of consecutive ticks differ,
// averaged over about 16 of them as in RFC 3550, section 6.4.1.
func (c *Client) Jitter() float64 { return c.jitter }

// Snaps returns how often the clock snapped, the first tick included.
func (c *Client) Snaps() uint64 { return c.snaps }
