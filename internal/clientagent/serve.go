package clientagent

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

const (
	// tickInterval is by how much a deadline may pass late.
	tickInterval = 20 * time.Millisecond
	// stallInterval is how often clients are looked at that take nothing.
	stallInterval = time.Second
	// holdTime is for how long a client is not read when too much waits to be
	// routed.
	holdTime = 5 * time.Millisecond
	// maxHold is for how long nothing is read from a client that is over its
	// rates, at most: not so long that it can be gone unnoticed.
	maxHold = 10 * time.Second
)

// Serve speaks with the clients that the listeners bring until ctx is done, or
// until accepting fails for good on one of them. Then it lets nobody in any
// more, gives those that are there Config.DrainGrace to leave, throws out the
// others, and returns when all are gone: nil, or why accepting failed. It may
// be called once.
func (a *Agent) Serve(ctx context.Context, listeners ...transport.Listener) error {
	accepting, stopAccepting := context.WithCancel(ctx)
	defer stopAccepting()
	ticks, stopTicks := context.WithCancel(context.Background())
	var ticking sync.WaitGroup
	ticking.Go(func() { a.tickLoop(ticks) })

	doors := make([]*door, len(listeners))
	errs := make([]error, len(listeners))
	var serving sync.WaitGroup
	for i, l := range listeners {
		d := a.newDoor(l.Flush)
		doors[i] = d
		serving.Go(func() {
			defer stopAccepting()
			errs[i] = l.Serve(accepting, d)
		})
	}
	<-accepting.Done()
	a.mu.Lock()
	a.draining = true
	a.mu.Unlock()
	serving.Wait()
	a.drain()
	stopTicks()
	ticking.Wait()
	for _, d := range doors {
		d.outlet.Close()
	}
	a.log.Flush()
	return errors.Join(errs...)
}

// drain returns when all clients are gone.
func (a *Agent) drain() {
	gone := make(chan struct{})
	go func() {
		a.open.Wait()
		close(gone)
	}()
	if a.settings.DrainGrace > 0 {
		t := time.NewTimer(a.settings.DrainGrace)
		defer t.Stop()
		select {
		case <-gone:
			return
		case <-t.C:
		}
	}
	a.director.Do(func() {
		a.clients.Range(func(_, v any) bool {
			v.(*client).eject(CodeMaintenance, "%s", a.settings.DrainReason)
			return true
		})
	})
	<-gone
}

func (a *Agent) tickLoop(ctx context.Context) {
	t := time.NewTicker(tickInterval)
	defer t.Stop()
	stalls := time.NewTicker(stallInterval)
	defer stalls.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			a.director.Do(a.tick)
		case now := <-stalls.C:
			a.findStalled(now)
		}
	}
}

func (a *Agent) findStalled(now time.Time) {
	limit := a.settings.WriteTimeout
	if limit == 0 {
		return
	}
	a.clients.Range(func(_, v any) bool {
		c := v.(*client)
		if c.conn.Budget() > 0 {
			c.stall = session.Stall{} // and its counters cost a system call
		} else if c.stall.Look(now, c.conn.Stats()) >= limit {
			a.director.Do(func() { c.lose("it has taken nothing for too long") })
		}
		return true
	})
}

// door is where a listener's clients come in. It is their transport's handler.
type door struct {
	agent  *Agent
	outlet *md.Outlet
}

// clientWrites is how much is written to clients without a pause: what keeps
// about one processor busy. They are many, and most get less than a message in
// a millisecond, for which pauses save no writes.
var clientWrites = session.Rate{PerSecond: 200_000, Burst: 1000}

func (a *Agent) newDoor(flush func([]transport.Conn)) *door {
	return &door{agent: a, outlet: md.NewOutlet(a.director, clientWrites, flush)}
}

// Opened is called by the transport for each new connection.
func (d *door) Opened(conn transport.Conn) {
	a := d.agent
	c := &client{agent: a, door: d, conn: conn, remote: addrPort(conn.Identity().Addr)}
	if l, ok := conn.(interface{ LocalAddr() net.Addr }); ok {
		c.local = addrPort(l.LocalAddr())
	}
	if p, ok := conn.(interface{ ProxyTLVs() []byte }); ok {
		c.tlvs = p.ProxyTLVs()
	}
	if p, ok := conn.(interface{ ProxyCheck() bool }); ok {
		c.quiet = p.ProxyCheck()
	}
	if code, err := a.enter(c); err != nil {
		refuse(conn, code, err.Error())
		return
	}
	a.director.Do(c.start)
}

var errDraining = errors.New("the server is shutting down")

// enter counts a client in, or says why it must not come.
func (a *Agent) enter(c *client) (Code, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		a.refused[refusedDraining]++
		return CodeMaintenance, errDraining
	}
	if err := a.admission.Enter(c.remote.Addr(), false); err != nil {
		a.refused[refusalOf(err)]++
		return CodeOther, err
	}
	a.open.Add(1)
	a.clients.Store(c.conn, c)
	return 0, nil
}

// refuse tells a client why it is not let in.
func refuse(conn transport.Conn, code Code, reason string) {
	var w datagram.Writer
	w.Uint16(uint16(Eject))
	w.Uint16(uint16(code))
	w.String(reason)
	_ = conn.Send(transport.Message{Data: w.Buf}) // it is closed anyway
	conn.Close(closeCode(code), reason)
}

// Received is called by the transport with messages of a client.
func (d *door) Received(conn transport.Conn, messages [][]byte) {
	a := d.agent
	v, ok := a.clients.Load(conn)
	if !ok {
		return
	}
	c := v.(*client)
	if c.deaf.Load() {
		return
	}
	in := a.inbounds.Get().(*inbound)
	n := in.fill(c, messages)
	hold := c.meter.Received(time.Now(), &a.settings.rates, len(messages), n)
	in.batch.DoWith(n+len(in.requests)*requestSize, in.do)
	a.director.Post(in.batch) // in belongs to the order now, and puts itself back
	if a.director.Backlog() > a.settings.MaxBacklog {
		hold = max(hold, holdTime)
	}
	c.hold(hold)
}

// hold lets a client be read later. Its heartbeats must not come too late for
// that; what it owes beyond it, it owes still.
func (c *client) hold(d time.Duration) {
	if d <= 0 {
		return
	}
	c.agent.held.Add(1)
	d = min(d, maxHold)
	if limit := c.agent.settings.HeartbeatTimeout; limit > 0 {
		d = min(d, limit/4)
	}
	c.conn.Hold(d)
}

// Closed is called by the transport when a connection is gone.
func (d *door) Closed(conn transport.Conn, err error) {
	a := d.agent
	v, ok := a.clients.LoadAndDelete(conn)
	if !ok {
		return // it was not let in
	}
	defer a.open.Done()
	c := v.(*client)
	a.admission.Leave(c.remote.Addr(), false)
	a.director.Do(func() { c.lose(err.Error()) })
}

// inbound is what a client has sent, on its way into the order.
type inbound struct {
	client   *client
	requests []request
	bytes    []byte // that requests refer to
	do       func()
	batch    *md.Batch
}

func newInbound() *inbound {
	in := &inbound{batch: new(md.Batch)}
	in.do = in.run
	return in
}

// fill takes messages apart and copies what is needed of them. It returns how
// many bytes they have.
func (in *inbound) fill(c *client, messages [][]byte) (n int) {
	in.client = c
	for _, m := range messages {
		n += len(m)
	}
	if cap(in.bytes) < n {
		in.bytes = make([]byte, 0, n)
	}
	in.bytes = in.bytes[:0]
	for _, m := range messages {
		at := len(in.bytes)
		in.bytes = append(in.bytes, m...)
		in.requests = append(in.requests, decode(c.agent.settings.Schema, in.bytes[at:]))
		if in.requests[len(in.requests)-1].cut != nil {
			break // it does not come further than this
		}
	}
	return n
}

// run lets the requests take effect, inside the order, until one ends the
// session.
func (in *inbound) run() {
	c := in.client
	for i := range in.requests {
		if c.over {
			break
		}
		if e := c.do(&in.requests[i]); e != nil {
			c.ejectAs(e, e.code.rule() || e.code == CodeOther)
			break
		}
	}
	in.client = nil
	clear(in.requests)
	in.requests = in.requests[:0]
	if cap(in.bytes) > keepBytes {
		in.bytes = nil
	}
	c.agent.inbounds.Put(in)
}

// requestSize is what a request costs beside the bytes that it refers to.
const requestSize = 192

// keepBytes is how much memory an inbound that is not in use keeps at most.
const keepBytes = 1 << 17

// ipText is an address for a server of the game, empty if it is not known.
func ipText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.Addr().String()
}

// addrPort returns the address in a, or none if it is not one of the internet.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case nil:
	case interface{ AddrPort() netip.AddrPort }: // of package net's
		ap = a.AddrPort()
	default:
		ap, _ = netip.ParseAddrPort(a.String())
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
