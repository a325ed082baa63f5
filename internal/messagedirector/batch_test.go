package messagedirector

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/culm-net/culm/datagram"
)

// messages posts a batch to a director in which somebody hears it all, and
// returns what he hears.
func messages(b *Batch) (all []string) {
	d := New(Limits{})
	ear := listener(func(m *Message) { all = append(all, describe(m.Raw)) })
	d.Do(func() { _ = d.SubscribeRange(&ear.Participant, 0, 1<<64-1) })
	d.Post(b)
	return all
}

func TestRecipientsAreSorted(t *testing.T) {
	for _, c := range []struct {
		to   []uint64
		want string
	}{
		{[]uint64{7}, "5 -> 7 : 9 x"},
		{[]uint64{9, 7, 8}, "5 -> 7 8 9 : 9 x"},
		{[]uint64{7, 0, 9, 7, 9, 0}, "5 -> 7 9 : 9 x"},
		{[]uint64{1<<64 - 1, 1 << 32, 2}, "5 -> 2 4294967296 max : 9 x"},
		{[]uint64{0, 0}, ""},
		{nil, ""},
	} {
		var b Batch
		b.From(new(Participant))
		b.Begin(9, 5, c.to...).Bytes([]byte("x"))
		if err := b.End(); err != nil {
			t.Error(err)
		}
		if got := strings.Join(messages(&b), " and "); got != c.want {
			t.Errorf("to %v: %s, want %s", c.to, got, c.want)
		}
	}
}

// What cannot be a message leaves nothing behind.
func TestWhatIsTooMuchIsLeftOut(t *testing.T) {
	var b Batch
	b.From(new(Participant))
	ok := func(s string) {
		b.Begin(9, 5, 7).Bytes([]byte(s))
		if err := b.End(); err != nil {
			t.Error(err)
		}
	}
	many := make([]uint64, MaxRecipients+1)
	for i := range many {
		many[i] = uint64(i + 1)
	}
	ok("one")
	b.Begin(9, 5, many...)
	if err := b.End(); !errors.Is(err, ErrTooManyRecipients) {
		t.Errorf("256 recipients: %v", err)
	}
	ok("two")
	const head = 1 + 8 + 8 + 2
	b.Begin(9, 5, 7).Bytes(make([]byte, MaxMessage-head+1))
	if err := b.End(); !errors.Is(err, ErrTooLong) {
		t.Errorf("one byte too long: %v", err)
	}
	var length *datagram.LengthError
	b.Begin(9, 5, 7).String(strings.Repeat("s", 1<<16))
	if err := b.End(); !errors.As(err, &length) {
		t.Errorf("a string that is too long: %v", err)
	}
	if err := b.Append(make([]byte, MaxMessage+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("Append: %v", err)
	}
	if err := b.AddPostRemove(1, make([]byte, maxPostRemove+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("AddPostRemove: %v", err)
	}
	ok("three")
	if got, want := messages(&b), []string{"5 -> 7 : 9 one", "5 -> 7 : 9 two", "5 -> 7 : 9 three"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	// The longest there are.
	b.From(new(Participant))
	b.Begin(9, 5, 7).Bytes(make([]byte, MaxMessage-head))
	if err := b.End(); err != nil {
		t.Errorf("the longest message: %v", err)
	}
	b.Begin(9, 5, many[:MaxRecipients]...)
	if err := b.End(); err != nil {
		t.Errorf("255 recipients: %v", err)
	}
	if err := b.AddPostRemove(1, make([]byte, maxPostRemove)); err != nil {
		t.Errorf("the longest post-remove: %v", err)
	}
	if got := messages(&b); len(got) != 2 || len(got[0]) < MaxMessage-head {
		t.Errorf("%d messages arrive", len(got))
	}
}

// The bytes of each control message, as astron.md section 3.1 has them.
func TestControlMessages(t *testing.T) {
	var b Batch
	b.From(new(Participant))
	b.Subscribe(0x0102030405060708)
	b.Unsubscribe(2)
	b.SubscribeRange(3, 4)
	b.UnsubscribeRange(5, 6)
	_ = b.AddPostRemove(7, []byte("abc"))
	b.ClearPostRemoves(8)
	want, _ := hex.DecodeString(strings.Join(strings.Fields(`
		1300 01 0100000000000000 2823 0807060504030201
		1300 01 0100000000000000 2923 0200000000000000
		1b00 01 0100000000000000 2a23 0300000000000000 0400000000000000
		1b00 01 0100000000000000 2b23 0500000000000000 0600000000000000
		1800 01 0100000000000000 3223 0700000000000000 0300 616263
		1300 01 0100000000000000 3323 0800000000000000`), ""))
	if !bytes.Equal(b.w.Buf, want) {
		t.Errorf("got\n%x, want\n%x", b.w.Buf, want)
	}
}

func TestFillingAndPostingAllocatesNothing(t *testing.T) {
	d := New(Limits{})
	n := 0
	ear := listener(func(m *Message) { n++ })
	d.Do(func() { _ = d.Subscribe(&ear.Participant, 7) })
	from := new(Participant)
	var b Batch
	post := func() {
		for range 10 {
			b.From(from)
			b.Begin(9, 5, 8, 7).Uint64(1)
			_ = b.End()
		}
		d.Post(&b)
	}
	for range 10 {
		post()
	}
	n = 0
	if a := testing.AllocsPerRun(100, post); a != 0 {
		t.Errorf("%v allocations", a)
	}
	if n != 1010 {
		t.Errorf("%d messages arrived", n)
	}
}

// A burst of messages leaves no more memory behind than is used again.
func TestEmptyBatchIsSmall(t *testing.T) {
	var b Batch
	origins := [2]Participant{}
	for i := range 4 * keepParts {
		b.From(&origins[i%2])
		_ = b.Append(make([]byte, 40))
	}
	b.reset()
	if !b.empty() || cap(b.parts) > keepParts || cap(b.w.Buf) > keepBytes {
		t.Errorf("it keeps %d parts and %d bytes", cap(b.parts), cap(b.w.Buf))
	}
}
