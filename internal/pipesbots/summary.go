package pipesbots

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/culm-net/culm/internal/loadgen"
)

// Summary is what the clients have seen. Times are in seconds; what was not
// measured is 0. Rates are those of one client.
type Summary struct {
	Clients int     `json:"clients"`
	Zones   int     `json:"zones"`
	Seconds float64 `json:"seconds"` // how long they played
	Joins   uint64  `json:"joins"`   // that clients made meanwhile

	SnapshotRate float64 `json:"snapshots_per_second"` // ticks of which something came
	UpdateRate   float64 `json:"updates_per_second"`   // objects in them
	ByteRate     float64 `json:"bytes_per_second"`     // received, without what the transport adds
	CallRate     float64 `json:"calls_per_second"`     // object messages received
	SayRate      float64 `json:"says_per_second"`      // object messages sent
	Unsaid       uint64  `json:"unsaid"`               // those that could not be sent

	Compared float64 `json:"compared"` // share of the updates that were compared with another client's
	// PartsLost is how many of Parts, the parts of snapshots that were sent while
	// they played, never came, or were overtaken before they left. Those that
	// never came at the end are not known. PartsLostEarly were lost while clients
	// connected, which is hard work for both sides.
	Parts          int64 `json:"parts"`
	PartsLost      int64 `json:"parts_lost"`
	PartsLostEarly int64 `json:"parts_lost_early"`
	Raced          int64 `json:"raced"` // unreliable messages that came after their object had gone

	ApplyP50 float64 `json:"apply_p50"` // taking in what arrived together, with a snapshot in it
	ApplyP99 float64 `json:"apply_p99"`
	LagP50   float64 `json:"lag_p50"` // arrival after a tick, compared with the earliest
	LagP99   float64 `json:"lag_p99"`
	LagMax   float64 `json:"lag_max"`
	RTTP50   float64 `json:"rtt_p50"` // of pings
	RTTP99   float64 `json:"rtt_p99"`

	BotsCPUSeconds     float64 `json:"bots_cpu_seconds"`
	ServerCPUSeconds   float64 `json:"server_cpu_seconds"`
	ServerCPUPerClient float64 `json:"server_cpu_per_client"`       // share of a core
	ServerRSSPerClient int64   `json:"server_rss_bytes_per_client"` // by connecting
	ServerRSSGrowth    int64   `json:"server_rss_growth_bytes"`     // while they played

	Faults  Faults   `json:"faults"`
	Reasons []string `json:"reasons,omitempty"` // what some of them were
}

// counts are counters at some time.
type counts struct {
	sight
	bytes, calls, said, unsaid, joins uint64
	parts, applied                    int64
}

// sight is what clients saw of the world.
type sight struct{ snapshots, updates, compared uint64 }

// sights adds up what clients saw, and never has one of its counters without
// the others: they are told in proportion to each other.
type sights struct {
	mu  sync.Mutex
	all sight
}

func (c *sights) add(s sight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.snapshots += s.snapshots
	c.all.updates += s.updates
	c.all.compared += s.compared
}

func (c *sights) load() sight {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// lost is how many parts have been lost. Applied ones may have been noted first.
func (c counts) lost() int64 { return max(0, c.parts-c.applied) }

func (r *run) counts() counts {
	return counts{
		r.sights.load(), r.bytes.Load(),
		r.calls.Load(), r.said.Load(), r.unsaid.Load(), r.joins.Load(),
		r.parts.Load(), r.applied.Load(),
	}
}

// measured fills in what was measured for some time.
func (s *Summary) measured(took time.Duration, r *run, first counts, start, end loadgen.Usage) {
	last := r.counts()
	s.Seconds = took.Seconds()
	per := s.Seconds * float64(s.Clients)
	rate := func(last, first uint64) float64 { return float64(last-first) / per }
	s.SnapshotRate, s.UpdateRate = rate(last.snapshots, first.snapshots), rate(last.updates, first.updates)
	s.ByteRate, s.CallRate, s.SayRate = rate(last.bytes, first.bytes), rate(last.calls, first.calls), rate(last.said, first.said)
	s.Parts, s.PartsLostEarly = last.parts-first.parts, first.lost()
	s.Unsaid, s.Joins = last.unsaid-first.unsaid, last.joins-first.joins
	if n := last.updates - first.updates; n > 0 {
		s.Compared = float64(last.compared-first.compared) / float64(n)
	}
	for _, q := range []struct {
		to   *float64
		from *loadgen.Histogram
		q    float64
	}{
		{&s.ApplyP50, &r.apply, 0.5}, {&s.ApplyP99, &r.apply, 0.99},
		{&s.LagP50, &r.lag, 0.5}, {&s.LagP99, &r.lag, 0.99},
		{&s.RTTP50, &r.rtt, 0.5}, {&s.RTTP99, &r.rtt, 0.99},
	} {
		*q.to = q.from.Quantile(q.q).Seconds()
	}
	s.LagMax = r.lag.Max().Seconds()
	s.BotsCPUSeconds, s.ServerCPUSeconds = end.OwnCPU-start.OwnCPU, end.CPU-start.CPU
	s.ServerCPUPerClient = s.ServerCPUSeconds / per
	s.ServerRSSGrowth = end.RSS - start.RSS
}

// OK says that everything was as it must be.
func (s *Summary) OK() bool { return s.Faults.Total() == 0 }

// WriteText writes the summary for people.
func (s *Summary) WriteText(w io.Writer) {
	duration := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)).Round(time.Microsecond) }
	fmt.Fprintf(w, "clients         %d, for %.1f s", s.Clients, s.Seconds)
	if s.Joins > 0 {
		fmt.Fprintf(w, ", %d joined anew", s.Joins)
	}
	fmt.Fprintln(w)
	if s.Zones == 0 {
		fmt.Fprintln(w, "idle            they asked for no zone")
	} else {
		fmt.Fprintf(w, "snapshots       %.1f per second and client, with %.1f objects\n", s.SnapshotRate, s.UpdateRate/max(s.SnapshotRate, 1e-9))
		fmt.Fprintf(w, "compared        %.1f %% of the states with another client's\n", 100*s.Compared)
		if s.Parts > 0 { // the plain dialect does not number them
			fmt.Fprintf(w, "parts lost      %d of %d, %.2f %%; %d while clients connected\n",
				s.PartsLost, s.Parts, 100*float64(s.PartsLost)/float64(s.Parts), s.PartsLostEarly)
		}
		fmt.Fprintf(w, "apply time      p50 %v, p99 %v\n", duration(s.ApplyP50), duration(s.ApplyP99))
		fmt.Fprintf(w, "lag of ticks    p50 %v, p99 %v, max %v\n", duration(s.LagP50), duration(s.LagP99), duration(s.LagMax))
	}
	fmt.Fprintf(w, "received        %.0f bytes per second and client, %.1f messages of objects\n", s.ByteRate, s.CallRate)
	if s.SayRate > 0 || s.Unsaid > 0 {
		fmt.Fprintf(w, "said            %.1f messages per second and client, %d could not be sent\n", s.SayRate, s.Unsaid)
	}
	fmt.Fprintf(w, "round trips     p50 %v, p99 %v\n", duration(s.RTTP50), duration(s.RTTP99))
	if s.Raced > 0 {
		fmt.Fprintf(w, "raced           %d messages of objects that had gone, as unreliable ones may be\n", s.Raced)
	}
	if s.ServerCPUSeconds > 0 {
		fmt.Fprintf(w, "server CPU      %.3f %% of a core per client\n", 100*s.ServerCPUPerClient)
	}
	if s.ServerRSSPerClient != 0 {
		fmt.Fprintf(w, "server memory   %.1f KiB per client; grown by %d KiB since they had connected\n", float64(s.ServerRSSPerClient)/1024, s.ServerRSSGrowth>>10)
	}
	if s.BotsCPUSeconds > 0 {
		fmt.Fprintf(w, "CPU             %.2f s by the bots", s.BotsCPUSeconds)
		if s.ServerCPUSeconds > 0 {
			fmt.Fprintf(w, ", %.2f s by the server", s.ServerCPUSeconds)
		}
		fmt.Fprintln(w)
	}
	f := s.Faults
	if f.Total() == 0 {
		fmt.Fprintln(w, "faults          none")
	}
	for _, fault := range []struct {
		n    int64
		what string
	}{
		{f.Unknown, "states and messages of objects that the client was not told of"},
		{f.Backward, "snapshots of an earlier tick than before"},
		{f.Disordered, "messages lost, doubled or overtaken"},
		{f.Different, "states that another client saw otherwise at the same tick"},
		{f.Behind, "objects whose newest state did not come"},
		{f.Disagreeing, "clients see other objects than those with the same zones"},
		{f.Silent, "clients to which no snapshot came any more"},
		{f.Disconnected, "clients disconnected"},
	} {
		if fault.n > 0 {
			fmt.Fprintf(w, "fault           %d %s\n", fault.n, fault.what)
		}
	}
	for _, reason := range s.Reasons {
		fmt.Fprintf(w, "                %s\n", reason)
	}
}
