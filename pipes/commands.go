package pipes

import (
	"time"

	"github.com/culm-net/culm/internal/session"
)

// commandMeter holds a client to its command rate. It belongs to the goroutine
// that receives from the client.
type commandMeter struct {
	granted session.Bucket
	excess  session.Bucket
	rate    float64 // that they were spent at last, per second
}

// What becomes of a command.
type commandVerdict uint8

const (
	commandOn       commandVerdict = iota // it takes effect, maybe later
	commandDropped                        // it is unreliable and too many
	commandTooOften                       // the client is to go
)

const (
	// maxExcess is how many times its rate a client may send before it is
	// disconnected, and excessTime for how long it may send twice as much as
	// that: so what piled up on a bad network, or while the server was held up,
	// is forgiven.
	maxExcess  = 4
	excessTime = 5 // seconds

	// A client whose commands would be delayed by more than delayLimit is
	// not read from until it is delayResume.
	delayLimit  = 2 * time.Second
	delayResume = time.Second
)

// spend counts a command that came at now, at a rate per second that is not 0, and
// says what becomes of it, and how much later it takes effect.
func (c *commandMeter) spend(now time.Time, rate float64, reliable bool) (commandVerdict, time.Duration) {
	if c.rate != rate && c.rate > 0 {
		c.granted.Scale(rate / c.rate)
		c.excess.Scale(rate / c.rate)
	}
	c.rate = rate
	most := session.Rate{PerSecond: maxExcess * rate, Burst: excessTime * maxExcess * rate}
	if c.excess.Spend(now, most, 1) > 0 {
		return commandTooOften, 0
	}
	granted := session.Rate{PerSecond: rate, Burst: max(rate/2, 8)}
	if !reliable {
		// Nothing is spent if there is not a whole one left.
		if c.granted.Spend(now, session.Rate{PerSecond: rate, Burst: granted.Burst - 1}, 0) > 0 {
			return commandDropped, 0
		}
	}
	// Reliable ones may go into debt, which is paid for with delay.
	return commandOn, c.granted.Spend(now, granted, 1)
}
