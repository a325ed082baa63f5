package lanbots

import (
	"fmt"
	"io"
	"time"

	"github.com/culm-net/culm/internal/loadgen"
)

// Summary is what the bots have seen. Times are in seconds; what was not
// measured is 0.
type Summary struct {
	Clients int     `json:"clients"`
	Class   string  `json:"class,omitempty"`
	Field   string  `json:"field,omitempty"`
	Zones   int     `json:"zones,omitempty"`
	Walkers int     `json:"walkers,omitempty"`
	Rate    float64 `json:"rate,omitempty"` // updates per second and walker, as asked for
	Seconds float64 `json:"seconds"`        // how long they walked or were idle

	Updates             uint64  `json:"updates"`    // sent
	Deliveries          uint64  `json:"deliveries"` // received, by each client that got one
	UpdatesPerSecond    float64 `json:"updates_per_second"`
	DeliveriesPerSecond float64 `json:"deliveries_per_second"`

	LatencyP50 float64 `json:"latency_p50"` // from sending to receiving, flushes included
	LatencyP99 float64 `json:"latency_p99"`
	LatencyMax float64 `json:"latency_max"`

	BotsCPUSeconds             float64 `json:"bots_cpu_seconds"`   // while they walked or were idle
	ServerCPUSeconds           float64 `json:"server_cpu_seconds"` // the same of the server
	ServerCPUMicrosPerDelivery float64 `json:"server_cpu_us_per_delivery"`
	ServerRSSPerClient         int64   `json:"server_rss_bytes_per_client"` // by connecting

	Faults  Faults   `json:"faults"`
	Reasons []string `json:"reasons,omitempty"` // why clients were disconnected, the first few
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// OK says that everything was as it must be.
func (s *Summary) OK() bool { return s.Faults.Total() == 0 }

// WriteText writes the summary for people.
func (s *Summary) WriteText(w io.Writer) {
	fmt.Fprintf(w, "clients         %d\n", s.Clients)
	if s.Field != "" {
		latency := func(v float64) time.Duration { return loadgen.Round(time.Duration(v * float64(time.Second))) }
		fmt.Fprintf(w, "walked          %.1f s by %s.%s in %d zones\n", s.Seconds, s.Class, s.Field, s.Zones)
		fmt.Fprintf(w, "updates         %d, %.0f per second of %.0f asked for\n", s.Updates, s.UpdatesPerSecond, s.Rate*float64(s.Walkers))
		fmt.Fprintf(w, "deliveries      %d, %.0f per second\n", s.Deliveries, s.DeliveriesPerSecond)
		fmt.Fprintf(w, "latency         p50 %v, p99 %v, max %v\n", latency(s.LatencyP50), latency(s.LatencyP99), latency(s.LatencyMax))
	} else {
		fmt.Fprintf(w, "idle            %.1f s\n", s.Seconds)
	}
	if s.ServerCPUMicrosPerDelivery > 0 {
		fmt.Fprintf(w, "server CPU      %.3f µs per delivery\n", s.ServerCPUMicrosPerDelivery)
	}
	if s.ServerRSSPerClient != 0 {
		fmt.Fprintf(w, "server memory   %.1f KiB per client\n", float64(s.ServerRSSPerClient)/1024)
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
		{f.Lost, "updates lost"},
		{f.Duplicated, "updates came twice"},
		{f.Reordered, "updates came after later ones"},
		{f.Unknown, "updates of avatars that are not in sight"},
		{f.Strayed, "messages about avatars of another zone"},
		{f.Stale, "generates with another state than the last update's"},
		{f.Misread, "values that nobody sent"},
		{f.Vanished, "avatars vanished though their client stayed"},
		{f.Missing, "avatars whose last update did not come"},
		{f.Disagreeing, "clients wrong about who is still there"},
		{f.Unsent, "updates could not be sent"},
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
