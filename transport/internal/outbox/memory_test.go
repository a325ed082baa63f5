package outbox

import (
	"errors"
	"reflect"
	"testing"
	"unsafe"

	"github.com/culm-net/culm/transport"
)

// leave takes everything out of the box, as a writer for whom all goes.
func leave(b *Box) {
	bufs := b.Take(nil)
	for n := 0; len(bufs) > 0; n = 0 {
		for _, p := range bufs {
			n += len(p)
		}
		if b.Wrote(n) != More {
			return
		}
		bufs = b.Again(bufs)
	}
}

// What has left is not referred to from where the first pieces were before
// there were many.
func TestEmptyBoxRefersToNothing(t *testing.T) {
	b := boxOf(1 << 20)
	for range 3 {
		if err := b.Send(transport.Message{Data: make([]byte, ShareAbove+1), Shared: true}); err != nil {
			t.Fatal(err)
		}
	}
	leave(b)
	for _, p := range b.inline {
		if p.buf != nil || p.ref != nil {
			t.Fatal("an empty box keeps what it has sent")
		}
	}
}

// A slice that the writer gets again does not keep what it had before.
func TestAgainForgets(t *testing.T) {
	b := boxOf(1 << 20)
	for range MaxPieces/2 + 1 { // two pieces each
		if err := b.Send(transport.Message{Data: make([]byte, ShareAbove+1), Shared: true}); err != nil {
			t.Fatal(err)
		}
	}
	bufs := b.Take(nil)
	if len(bufs) != MaxPieces || b.Wrote(MaxPieces/2*(2+ShareAbove+1)) != More {
		t.Fatal("not two rounds")
	}
	bufs = b.Again(bufs)
	for _, p := range bufs[len(bufs):MaxPieces] {
		if p != nil {
			t.Fatal("the writer still refers to what has left")
		}
	}
}

// A map that was large once is not used again: clearing it costs by its size.
func TestLargeMapIsNotKept(t *testing.T) {
	for range 20 {
		b := boxOf(1 << 20)
		for key := range uint64(1000) {
			if err := b.Send(transport.Message{Mode: transport.Latest, Key: key}); err != nil {
				t.Fatal(err)
			}
		}
		large := reflect.ValueOf(b.keys).Pointer()
		leave(b)
		if next := getKeys(); reflect.ValueOf(next).Pointer() == large {
			t.Fatal("a map of 1000 keys is used for the next box")
		}
	}
}

// What a key costs beyond its message's bytes is within the limit too.
func TestKeysCount(t *testing.T) {
	const limit = 1 << 20
	b := boxOf(limit)
	var err error
	for key := uint64(0); err == nil; key++ {
		err = b.Send(transport.Message{Mode: transport.Latest, Key: key})
	}
	if !errors.Is(err, transport.ErrFull) {
		t.Fatal(err)
	}
	if n := cap(b.pieces) * int(unsafe.Sizeof(piece{})); n > limit {
		t.Errorf("%d bytes of pieces within a limit of %d", n, limit)
	}
	if p := b.Counters().Pinned; p > limit {
		t.Errorf("%d bytes are pinned, limit %d", p, limit)
	}
	leave(b)
	if p := b.Counters().Pinned; p != 0 {
		t.Errorf("an empty box pins %d bytes", p)
	}
}
