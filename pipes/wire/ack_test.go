package wire

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// An Ack says what a set of numbers says, as far as the window reaches.
func TestAckModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m Ack
		applied := map[uint32]bool{}
		next := rapid.SampledFrom([]uint32{1, 1000, math.MaxUint32 - 300}).Draw(t, "first")
		var last uint32
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			part := next
			if rapid.Bool().Draw(t, "late") {
				part -= uint32(rapid.IntRange(0, AckWindow+10).Draw(t, "by"))
			} else {
				next += uint32(rapid.SampledFrom([]int{1, 1, 1, 2, 63, 64, 65, 200, 256, 257, 1000}).Draw(t, "step"))
			}
			added := part != 0 && !applied[part] && (last == 0 || Newer(part, last) || last-part <= AckWindow)
			if m.Add(part) != added {
				t.Fatalf("Add(%d) is %v after %d", part, !added, last)
			}
			if !added {
				continue
			}
			applied[part] = true
			if last == 0 || Newer(part, last) {
				last = part
			}
			var want []uint32
			for i := range uint32(AckWindow + 1) {
				if applied[last-i] {
					want = append(want, last-i)
				}
			}
			b, err := m.Append(nil, AckWindow)
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeAck(b[2:])
			if err != nil || got != m {
				t.Fatalf("read %+v, %v; want %+v", got, err, m)
			}
			if parts := slices.Collect(got.Parts()); !slices.Equal(parts, want) {
				t.Fatalf("parts %d, want %d", parts, want)
			}
			back := rapid.IntRange(-1, AckWindow+1).Draw(t, "back")
			short, err := m.Append(nil, back)
			if err != nil {
				t.Fatal(err)
			}
			got, err = DecodeAck(short[2:])
			if err != nil || len(short) > 9+(max(back, 0)+7)/8 {
				t.Fatalf("%d back: % x, %v", back, short, err)
			}
			want = slices.DeleteFunc(want, func(part uint32) bool { return last-part > uint32(max(back, 0)) })
			if parts := slices.Collect(got.Parts()); !slices.Equal(parts, want) {
				t.Fatalf("%d back: parts %d, want %d", back, parts, want)
			}
			checkRuns(t, &got, want)
		}
	})
}

// checkRuns wants the parts, the newest first, in as few runs as there can be.
func checkRuns(t *rapid.T, m *Ack, parts []uint32) {
	before := uint32(0)
	for first, n := range m.Runs() {
		if before != 0 && first+uint32(n) == before {
			t.Fatalf("the runs from %d and from %d are one", first, before)
		}
		before = first
		for part := first + uint32(n) - 1; n > 0; n-- {
			if len(parts) == 0 || parts[0] != part {
				t.Fatalf("part %d in a run from %d, want the parts %d", part, first, parts)
			}
			part, parts = part-1, parts[1:]
		}
	}
	if len(parts) > 0 {
		t.Fatalf("parts %d are in no run", parts)
	}
}

func TestAckPartsStops(t *testing.T) {
	m := Ack{Last: 9, Mask: [4]uint64{3}}
	for n := 1; n <= 3; n++ {
		var got []uint32
		for part := range m.Parts() {
			if got = append(got, part); len(got) == n {
				break
			}
		}
		if !slices.Equal(got, []uint32{9, 8, 7}[:n]) {
			t.Errorf("%d", got)
		}
	}
	for first, n := range (&Ack{Last: 9, Mask: [4]uint64{5}}).Runs() {
		if first != 8 || n != 2 {
			t.Errorf("a run of %d from %d", n, first)
		}
		break
	}
	var none Ack
	for part := range none.Parts() {
		t.Errorf("part %d of none", part)
	}
	for first, n := range none.Runs() {
		t.Errorf("%d parts from %d of none", n, first)
	}
}

func TestAckRefused(t *testing.T) {
	var m Ack
	if b, err := m.Append([]byte("x"), AckWindow); err == nil || string(b) != "x" {
		t.Errorf("an empty Ack is written: %v", err)
	}
	for name, body := range map[string][]byte{
		"part 0":                  le(uint32(0), uint16(0), uint8(0)),
		"a mask of 33 bytes":      le(uint32(9), uint16(0), uint8(33), make([]byte, 32), uint8(1)),
		"a mask that ends with 0": le(uint32(9), uint16(0), uint8(2), uint16(1)),
	} {
		if m, err := DecodeAck(body); err == nil {
			t.Errorf("%s: read %+v", name, m)
		}
	}
	for delay, want := range map[time.Duration]time.Duration{
		-time.Second:           0,
		250 * time.Microsecond: 200 * time.Microsecond,
		math.MaxInt64:          math.MaxUint16 * AckDelayUnit,
	} {
		m := Ack{Last: 1, Delay: delay}
		b, err := m.Append(nil, AckWindow)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeAck(b[2:]); err != nil || got.Delay != want {
			t.Errorf("a delay of %v is read as %v, %v", delay, got.Delay, err)
		}
	}
}

func TestNewer(t *testing.T) {
	for _, tt := range []struct {
		a, b uint32
		want bool
	}{
		{2, 1, true}, {1, 2, false}, {1, 1, false},
		{0, math.MaxUint32, true}, {math.MaxUint32, 0, false},
		{1<<31 - 1, 0, true}, {1 << 31, 0, false},
	} {
		if Newer(tt.a, tt.b) != tt.want {
			t.Errorf("Newer(%d, %d) is %v", tt.a, tt.b, !tt.want)
		}
	}
}
