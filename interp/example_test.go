package interp_test

import (
	"fmt"

	"github.com/culm-net/culm/interp"
)

// A door's snapshots come ten times a second and are shown 0.15 s later.
func Example() {
	angle := interp.Var[interp.HPR]{Linear: true}
	angle.Reset(interp.HPR{350, 0, 0}, 1.0)
	angle.Record(interp.HPR{0, 0, 0}, 1.1)
	angle.Record(interp.HPR{10, 0, 0}, 1.2)

	for _, now := range []float64{1.2, 1.3, 1.4} {
		value, status := angle.Sample(interp.Frame{Now: now, Delay: 0.15})
		fmt.Printf("%.1f: %.0f settled %v\n", now, value[0], status == interp.Settled)
	}
	// Output:
	// 1.2: -5 settled false
	// 1.3: 5 settled false
	// 1.4: 10 settled true
}
