package snapshot_test

import (
	"fmt"
	"testing"

	"github.com/culm-net/culm/internal/snapshot"
)

// TestAcknowledgementsWait: those of AckRun take effect with the next snapshot,
// however many there are, and beside those of Ack.
func TestAcknowledgementsWait(t *testing.T) {
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			s := newStage(t, workers)
			s.add(1, "pq")
			var views []*snapshot.View
			for range 40 {
				views = append(views, s.view(snapshot.ViewConfig{PartSize: 4}, 1))
			}
			for range 3 {
				s.produce()
				s.ackAll()
			}
			for round := range 4 {
				s.set("pq", 0, byte(round+1))
				s.produce()
				for i, v := range views {
					s.want(v, fmt.Sprintf("[p:a%d] [q:a%d]", round+1, round+1))
					seq := s.got[v].Seq
					for n := range i * 5 { // what was never sent
						v.AckRun(seq+10+uint32(n), 1)
					}
					v.AckRun(seq, 1)
					if v.Ack(seq) || v.Ack(seq+2) {
						t.Error("Ack does not know what AckRun has told, or anything else")
					}
					v.AckRun(seq+1, 1)
				}
				s.produce()
				for _, v := range views {
					s.want(v, "[]")
				}
				views[0].AckRun(1, 1)
				views[0].Close() // while what it has told waits
				views = views[1:]
			}
		})
	}
}
