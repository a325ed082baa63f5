// Package bufpool lends byte buffers in a few sizes, so that connections hold
// memory only while bytes wait in it.
package bufpool

import "sync"

// sizes are the capacities in bytes of the buffers that are pooled.
var sizes = [...]int{512, 4 << 10, 16 << 10, 64 << 10}

// Small and Large are the least and the greatest pooled capacity in bytes.
const (
	Small = 512
	Large = 64 << 10
)

var pools [len(sizes)]sync.Pool

// Buffer is a lent buffer. It belongs to who got it until Put.
type Buffer struct {
	// B is the content. Its capacity must not be exchanged.
	B []byte
	// Refs is for the holder's use; it is 0 after Get.
	Refs int

	class int8 // index into pools, or -1 for a buffer that is not pooled
}

// Get lends an empty buffer with room for at least n bytes: the smallest
// pooled size that suffices, or exactly n bytes where none does.
func Get(n int) *Buffer {
	for i, size := range sizes {
		if n > size {
			continue
		}
		if b, _ := pools[i].Get().(*Buffer); b != nil {
			return b
		}
		return &Buffer{B: make([]byte, 0, size), class: int8(i)}
	}
	return Exact(n)
}

// Exact returns an empty buffer with room for exactly n bytes. It is not
// pooled.
func Exact(n int) *Buffer {
	return &Buffer{B: make([]byte, 0, n), class: -1}
}

// Size is the capacity of the buffer that Get(n) returns.
func Size(n int) int {
	for _, size := range sizes {
		if n <= size {
			return size
		}
	}
	return n
}

// Put gives b back. The caller must not use it or its bytes any more.
func Put(b *Buffer) {
	if b.class < 0 {
		return
	}
	b.B = b.B[:0]
	b.Refs = 0
	pools[b.class].Put(b)
}
