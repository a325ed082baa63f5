package netclock_test

import (
	"fmt"

	"github.com/culm-net/culm/netclock"
)

// What a client does in a frame. The server is at tick 1000 when the first
// snapshot arrives and sends one every three ticks.
func ExampleClient() {
	settings := netclock.DefaultSettings()
	settings.TickRate = 60
	clock, err := netclock.NewClient(settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	for frame := range 7 {
		ticks := clock.Advance(1. / 60)
		if frame%3 == 0 {
			snapshot := uint32(1000 + frame)
			clock.ServerTick(snapshot)
			fmt.Printf("snapshot %d is of %.2f s, shown is %.2f s\n", snapshot, clock.TimeOf(snapshot), clock.Time()-0.1)
		}
		_ = ticks // so often the game's own prediction is to be run
	}
	// Output:
	// snapshot 1000 is of 16.67 s, shown is 16.57 s
	// snapshot 1003 is of 16.72 s, shown is 16.62 s
	// snapshot 1006 is of 16.77 s, shown is 16.67 s
}
