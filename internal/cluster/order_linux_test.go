package cluster

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
)

// A process subscribes, and another one, which has heard of that by other
// means, sends: it is sent to who has subscribed, although the other had sent
// something before. Astron's own tests rely on this.
func TestOrderOfLinks(t *testing.T) {
	s := start(t, parsed(t, "messagedirector: {bind: \"127.0.0.1:0\"}\n"), io.Discard)
	addr := s.addr(t, "messagedirector")
	listener, sender := dial(t, addr, nil), dial(t, addr, nil)
	message := func(ch uint64) []byte {
		b := append(binary.LittleEndian.AppendUint64([]byte{1}, ch), make([]byte, 8)...) // from 0
		return append(b, 1, 0)
	}
	for ch := uint64(1 << 40); ch < 1<<40+300; ch++ {
		sender.send(message(5)) // nobody
		listener.send(uint8(1), uint64(1), uint16(9000), ch)
		sender.send(message(ch))
		sender.send(message(5))
		if got := listener.receive(); !bytes.Equal(got, message(ch)) {
			t.Fatalf("got %x, want %x", got, message(ch))
		}
	}
}
