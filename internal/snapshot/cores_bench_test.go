package snapshot_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// BenchmarkCores says how much faster a tick is on two cores than on one, as
// BenchmarkMoving has it. On a machine that has other work to do averages say
// little, so ticks of both kinds take turns, and what is compared is what the
// fastest hundredth of each takes, which hardly anybody disturbed. Run it with
// -benchtime 5000x.
func BenchmarkCores(b *testing.B) {
	for _, own := range []int{0, 33, 333} {
		clients := max(100, 3*own)
		b.Run(fmt.Sprintf("clients=%d/own=%d", clients, own), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
			l := newLoad(b, 1000, clients, own, 0, false)
			var spent [2][]time.Duration
			b.ResetTimer()
			for i := range b.N {
				kind := i / 50 % 2
				if i%50 == 0 {
					runtime.GOMAXPROCS(1 + kind)
				}
				l.move()
				start := time.Now()
				l.produce(b)
				spent[kind] = append(spent[kind], time.Since(start))
			}
			var fast [2]float64 // ns for each object and client
			for kind, s := range spent {
				if len(s) < 100 {
					return
				}
				slices.Sort(s)
				fast[kind] = float64(s[len(s)/100].Nanoseconds()) / 1000 / float64(clients)
			}
			b.ReportMetric(fast[0], "one-ns/object/client")
			b.ReportMetric(fast[1], "two-ns/object/client")
			b.ReportMetric(fast[0]/fast[1], "times")
		})
	}
}
