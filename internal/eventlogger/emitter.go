package eventlogger

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// What may wait in an emitter at most.
const (
	emitterPackets = 4096
	emitterBytes   = 1 << 20
)

// Emitter sends events to an event logger over UDP. Emitting never blocks:
// when too much waits the event is lost, and counted. A nil Emitter discards
// everything, as a cluster without event logger does. It is safe for
// concurrent use.
type Emitter struct {
	conn    net.Conn
	packets chan []byte
	waiting atomic.Int64 // bytes in packets
	sending sync.WaitGroup

	// Emitting and closing the channel must not meet.
	mu     sync.RWMutex
	closed bool

	sent, dropped, failed atomic.Uint64
}

// Dial returns an emitter for the event logger at "host:port". Whether there
// is one does not matter; only the name must be known.
func Dial(addr string) (*Emitter, error) {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("event logger %s: %w", addr, err)
	}
	return newEmitter(conn), nil
}

func newEmitter(conn net.Conn) *Emitter {
	e := &Emitter{conn: conn, packets: make(chan []byte, emitterPackets)}
	e.sending.Go(e.send)
	return e
}

// Emit sends an event.
func (e *Emitter) Emit(event Event) {
	if e != nil {
		e.enqueue(event.Packet())
	}
}

// Forward sends a packet that somebody else has made, such as that of a
// CONTROL_LOG_MESSAGE, unexamined. It does not keep the packet.
func (e *Emitter) Forward(packet []byte) {
	if e != nil {
		e.enqueue(bytes.Clone(packet))
	}
}

// enqueue keeps the packet.
func (e *Emitter) enqueue(packet []byte) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	n := int64(len(packet))
	if e.closed || n > MaxPacket {
		e.dropped.Add(1)
		return
	}
	if e.waiting.Add(n) <= emitterBytes {
		select {
		case e.packets <- packet:
			return
		default:
		}
	}
	e.waiting.Add(-n)
	e.dropped.Add(1)
}

func (e *Emitter) send() {
	for packet := range e.packets {
		e.waiting.Add(-int64(len(packet)))
		_, err := e.conn.Write(packet)
		if err != nil {
			// It may be about the last packet: that nobody listened then. That
			// is said once, and this packet was not sent.
			_, err = e.conn.Write(packet)
		}
		if err != nil {
			e.failed.Add(1)
		} else {
			e.sent.Add(1)
		}
	}
}

// Stats returns the counters.
func (e *Emitter) Stats() EmitterStats {
	if e == nil {
		return EmitterStats{}
	}
	return EmitterStats{Sent: e.sent.Load(), Dropped: e.dropped.Load(), Failed: e.failed.Load()}
}

// Close sends what waits and closes the socket. What is emitted afterwards is
// lost.
func (e *Emitter) Close() error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	closing := !e.closed
	e.closed = true
	if closing {
		close(e.packets)
	}
	e.mu.Unlock()
	if !closing {
		return nil
	}
	e.sending.Wait()
	return e.conn.Close()
}
