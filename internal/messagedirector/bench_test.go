package messagedirector

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
)

// BenchmarkRoute is the core alone: a message of 85 bytes, posted in rows of
// 100, to participants in this process.
func BenchmarkRoute(b *testing.B) {
	for _, fan := range []int{0, 1, 8, 100} {
		for _, ranges := range []int{0, 100} {
			b.Run(fmt.Sprintf("fan=%d/ranges=%d", fan, ranges), func(b *testing.B) {
				d := New(Limits{})
				d.Do(func() {
					for range fan {
						_ = d.Subscribe(&listener(func(*Message) {}).Participant, 7000)
					}
					for i := range 100_000 { // others, as a state server has
						_ = d.Subscribe(&listener(nil).Participant, uint64(100_000+i))
					}
					r := listener(nil)
					for i := range ranges {
						_ = d.SubscribeRange(&r.Participant, uint64(1_000_000+10*i), uint64(1_000_005+10*i))
					}
				})
				from := new(Participant)
				payload := make([]byte, 66)
				var batch Batch
				b.ReportAllocs()
				for b.Loop() {
					batch.From(from)
					for range 100 {
						batch.Begin(4000, 5, 7000).Bytes(payload)
						_ = batch.End()
					}
					d.Post(&batch)
				}
				b.ReportMetric(float64(b.Elapsed())/float64(100*b.N), "ns/msg")
			})
		}
	}
}

// BenchmarkTCP is the same from one socket to others.
func BenchmarkTCP(b *testing.B) {
	for _, fan := range []int{1, 8} {
		b.Run(fmt.Sprintf("fan=%d", fan), func(b *testing.B) {
			st := newTCPStage(b, &stageConfig{}).(*tcpStage)
			from, _ := st.join()
			var to []net.Conn
			for range fan {
				p, _ := st.join()
				p.send(appendControl(nil, ControlAddChannel, 7000))
				to = append(to, p.(*tcpPeer).wire)
			}
			st.settle()
			message := binary.LittleEndian.AppendUint64([]byte{1}, 7000)
			message = append(message, make([]byte, 76)...)
			const rowLen = 256
			frame := append(binary.LittleEndian.AppendUint16(nil, uint16(len(message))), message...)
			row := bytes.Repeat(frame, rowLen)
			// Rows that are under way, so that the queues stay short.
			window := make([]chan struct{}, fan)
			done := make(chan error, fan)
			b.ReportAllocs()
			b.ResetTimer()
			for i, c := range to {
				window[i] = make(chan struct{}, 64)
				go func() {
					for range b.N {
						if _, err := io.CopyN(io.Discard, c, int64(len(row))); err != nil {
							done <- err
							return
						}
						<-window[i]
					}
					done <- nil
				}()
			}
			for range b.N {
				for _, w := range window {
					w <- struct{}{}
				}
				if _, err := from.(*tcpPeer).wire.Write(row); err != nil {
					b.Fatal(err)
				}
			}
			for range to {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(rowLen*b.N*fan), "ns/delivery")
		})
	}
}

// BenchmarkParticipantMemory is what an object of a state server costs that
// subscribes two channels, besides its own struct.
func BenchmarkParticipantMemory(b *testing.B) {
	const n = 100_000
	var perOne float64
	for b.Loop() {
		d := New(Limits{})
		objects := make([]funcReceiver, n)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d.Do(func() {
			for i := range objects {
				_ = d.Subscribe(&objects[i].Participant, uint64(100_000+i))
				_ = d.Subscribe(&objects[i].Participant, ParentChannel(uint32(i%1000)))
			}
		})
		runtime.GC()
		runtime.ReadMemStats(&after)
		perOne = float64(after.HeapAlloc-before.HeapAlloc) / n
		runtime.KeepAlive(d)
		runtime.KeepAlive(objects)
	}
	b.ReportMetric(perOne, "B/participant")
}
