package session

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	l := &Limits{Messages: Rate{PerSecond: 10, Burst: 10}, Bytes: Rate{PerSecond: 1000, Burst: 1000}}
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		name        string
		messages, n int
		want        time.Duration
	}{
		{"within both", 10, 1000, 0},
		{"over in messages", 20, 10, time.Second},
		{"over in bytes", 1, 3000, 2 * time.Second},
		{"over in both: the longer wait", 30, 4000, 3 * time.Second},
	} {
		var m Meter
		if got := m.Received(now, l, c.messages, c.n); (got - c.want).Abs() > time.Microsecond {
			t.Errorf("%s: hold %v, wanted %v", c.name, got, c.want)
		}
	}
}
