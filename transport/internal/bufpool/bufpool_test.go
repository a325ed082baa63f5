package bufpool

import "testing"

func TestGet(t *testing.T) {
	for _, tt := range []struct{ n, want int }{
		{0, Small}, {1, Small}, {Small, Small}, {Small + 1, 4 << 10},
		{4<<10 + 1, 16 << 10}, {16<<10 + 1, Large}, {Large, Large}, {Large + 1, Large + 1},
	} {
		if got := Size(tt.n); got != tt.want {
			t.Errorf("Size(%d) is %d, want %d", tt.n, got, tt.want)
		}
		for range 3 {
			b := Get(tt.n)
			if len(b.B) != 0 || cap(b.B) != tt.want || b.Refs != 0 {
				t.Errorf("Get(%d) has %d bytes of %d, %d references", tt.n, len(b.B), cap(b.B), b.Refs)
			}
			b.B = append(b.B, make([]byte, tt.n)...)
			b.Refs = 7
			Put(b)
		}
	}
}
