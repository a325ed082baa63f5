package session

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/transport"
)

// atOnce is what is flushed without a pause in these tests.
var atOnce = Rate{PerSecond: 10_000, Burst: 200}

func TestFlusher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 10 * time.Millisecond
		start := time.Now()
		type flush struct {
			at time.Duration
			n  int
		}
		var mu sync.Mutex
		var got []flush
		f := NewFlusher(interval, atOnce, func(conns []transport.Conn) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, flush{time.Since(start), len(conns)})
		})
		expect := func(n int, last flush) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(got) != n || n > 0 && got[n-1] != last {
				t.Fatalf("flushed %v, want %d times, the last %v", got, n, last)
			}
		}
		one, many := make([]transport.Conn, 1), make([]transport.Conn, 400)

		f.Add(nil)
		expect(0, flush{})
		f.Add(one)
		expect(1, flush{0, 1})
		f.Add(one)
		expect(2, flush{0, 1}) // still rarely
		f.Add(many)
		expect(3, flush{0, 400}) // that was much
		f.Add(one)
		f.Add(one)
		time.Sleep(interval - time.Nanosecond)
		expect(3, flush{0, 400})
		time.Sleep(time.Nanosecond)
		expect(4, flush{interval, 2}) // together after the interval
		time.Sleep(5 * interval)
		expect(4, flush{interval, 2})
		f.Add(one)
		expect(5, flush{6 * interval, 1}) // at once after a pause
		f.Add(many)
		expect(6, flush{6 * interval, 400})
		f.Add(one)
		f.Close()
		f.Add(one)
		time.Sleep(5 * interval)
		expect(6, flush{6 * interval, 400})
		if n := f.Count(); n != 6 {
			t.Fatalf("counts %d", n)
		}
	})
}

// What is added while a flush is at work leaves in one more, without a pause.
func TestGathersWhileItFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		release := make(chan struct{})
		var got []int
		f := NewFlusher(time.Millisecond, atOnce, func(conns []transport.Conn) {
			got = append(got, len(conns))
			<-release
		})
		go f.Add(make([]transport.Conn, 1))
		synctest.Wait()
		for range 3 {
			f.Add(make([]transport.Conn, 2))
		}
		release <- struct{}{}
		release <- struct{}{}
		f.Close()
		if took := time.Since(start); !slices.Equal(got, []int{1, 6}) || took != 0 {
			t.Errorf("flushed %v connections in %v", got, took)
		}
	})
}

// Few connections are flushed before Add returns, unless it is time for a
// pause; many are not.
func TestFewAreFlushedByTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{}, 1)
		f := NewFlusher(time.Millisecond, atOnce, func([]transport.Conn) { <-release })
		add := func(n int) (returned bool) {
			done := make(chan struct{})
			go func() {
				f.Add(make([]transport.Conn, n))
				close(done)
			}()
			synctest.Wait()
			select {
			case <-done:
				returned = true
			default:
			}
			release <- struct{}{}
			synctest.Wait()
			return returned
		}
		if add(few) {
			t.Error("few: Add has not waited for flush")
		}
		if !add(few + 1) {
			t.Error("many: Add waits for flush")
		}
		if !add(int(atOnce.Burst)) {
			t.Error("very many: Add waits for flush")
		}
		if !add(1) {
			t.Error("one, after very many: Add waits for the pause")
		}
		f.Close()
	})
}

// A steady flusher always pauses, however little there is to flush, and takes
// what is added under a lock that flush wants.
func TestSteadyFlusher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval, work = 10 * time.Millisecond, 3 * time.Millisecond
		start := time.Now()
		var mu sync.Mutex
		var got []time.Duration
		f := NewSteadyFlusher(interval, func(items []int) {
			mu.Lock()
			for range items {
				got = append(got, time.Since(start))
			}
			mu.Unlock()
			time.Sleep(work)
		})
		add := func() {
			mu.Lock()
			f.Add([]int{1})
			mu.Unlock()
			synctest.Wait()
		}
		add()
		add() // while the first is flushed
		time.Sleep(interval)
		add()
		time.Sleep(5 * interval)
		add()
		time.Sleep(work)
		f.Close()
		first, second, third := time.Duration(0), work+interval, interval+5*interval
		want := []time.Duration{first, second, second, third}
		if !slices.Equal(got, want) {
			t.Errorf("flushed at %v, want %v", got, want)
		}
		if n := f.Count(); n != 3 {
			t.Errorf("counts %d", n)
		}
	})
}
