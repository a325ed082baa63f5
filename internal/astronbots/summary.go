package astronbots

import (
	"fmt"
	"io"
	"time"

	"github.com/culm-net/culm/internal/loadgen"
)

// Summary is what the clients have seen. Times are in seconds; what was not
// measured is 0.
type Summary struct {
	Clients    int     `json:"clients"`
	Class      string  `json:"class,omitempty"`
	Field      string  `json:"field,omitempty"`
	Zones      int     `json:"zones,omitempty"`
	Walkers    int     `json:"walkers,omitempty"`
	Rate       float64 `json:"rate,omitempty"` // steps per second and walker, as asked for
	Objects    int     `json:"objects,omitempty"`
	ObjectRate float64 `json:"object_rate,omitempty"`
	Seconds    float64 `json:"seconds"` // how long they played or were idle

	Deliveries          uint64  `json:"deliveries"` // updates received, by each client that got one
	DeliveriesPerSecond float64 `json:"deliveries_per_second"`
	Moves               uint64  `json:"moves"`
	Rejoins             uint64  `json:"rejoins"` // clients and AIs that went and came again

	LatencyP50  float64 `json:"latency_p50"` // from sending to receiving
	LatencyP99  float64 `json:"latency_p99"`
	LatencyMax  float64 `json:"latency_max"`
	LoginP50    float64 `json:"login_p50"` // from connecting to the end of the first interest
	LoginP99    float64 `json:"login_p99"`
	InterestP50 float64 `json:"interest_p50"` // from asking to the end of the operation
	InterestP99 float64 `json:"interest_p99"`

	BotsCPUSeconds             float64 `json:"bots_cpu_seconds"`   // while they played or were idle
	ServerCPUSeconds           float64 `json:"server_cpu_seconds"` // the same of the server
	ServerCPUMicrosPerDelivery float64 `json:"server_cpu_us_per_delivery"`
	ServerCPUMicrosPerLogin    float64 `json:"server_cpu_us_per_login"`     // of the logins at the beginning
	ServerRSSPerClient         int64   `json:"server_rss_bytes_per_client"` // by logging in
	ServerRSSGrowth            int64   `json:"server_rss_growth_bytes"`     // while they played

	Faults  Faults   `json:"faults"`
	Reasons []string `json:"reasons,omitempty"` // what some of them were
}

// measured fills in what was seen while they played.
func (s *Summary) measured(r *run) {
	s.Class, s.Field, s.Zones = r.gait.Class.Name(), r.gait.Field.Name(), r.Zones
	s.Walkers, s.Rate, s.Objects, s.ObjectRate = r.Walkers, r.Rate, r.Objects, r.ObjectRate
	s.Deliveries, s.Moves, s.Rejoins = r.deliveries(), r.relocations.Load(), r.rejoins.Load()
	s.DeliveriesPerSecond = float64(s.Deliveries) / s.Seconds
	s.LatencyP50, s.LatencyP99, s.LatencyMax = r.latency.Quantile(0.5).Seconds(), r.latency.Quantile(0.99).Seconds(), r.latency.Max().Seconds()
	s.LoginP50, s.LoginP99 = r.logins.Quantile(0.5).Seconds(), r.logins.Quantile(0.99).Seconds()
	s.InterestP50, s.InterestP99 = r.interests.Quantile(0.5).Seconds(), r.interests.Quantile(0.99).Seconds()
	if r.ServerPID != 0 && s.Deliveries > 0 {
		s.ServerCPUMicrosPerDelivery = s.ServerCPUSeconds * 1e6 / float64(s.Deliveries)
	}
}

// OK says that everything was as it must be.
func (s *Summary) OK() bool { return s.Faults.Total() == 0 }

// WriteText writes the summary for people.
func (s *Summary) WriteText(w io.Writer) {
	d := func(v float64) time.Duration { return loadgen.Round(time.Duration(v * float64(time.Second))) }
	fmt.Fprintf(w, "clients         %d\n", s.Clients)
	if s.Field == "" {
		fmt.Fprintf(w, "idle            %.1f s\n", s.Seconds)
	} else {
		fmt.Fprintf(w, "played          %.1f s by %s.%s in %d zones\n", s.Seconds, s.Class, s.Field, s.Zones)
		fmt.Fprintf(w, "steps           %d clients, %g per second each; %d avatars of an AI, %g each\n", s.Walkers, s.Rate, s.Objects, s.ObjectRate)
		fmt.Fprintf(w, "deliveries      %d, %.0f per second\n", s.Deliveries, s.DeliveriesPerSecond)
		fmt.Fprintf(w, "latency         p50 %v, p99 %v, max %v\n", d(s.LatencyP50), d(s.LatencyP99), d(s.LatencyMax))
		fmt.Fprintf(w, "logins          p50 %v, p99 %v; %d anew\n", d(s.LoginP50), d(s.LoginP99), s.Rejoins)
		fmt.Fprintf(w, "interests       p50 %v, p99 %v; %d avatars moved\n", d(s.InterestP50), d(s.InterestP99), s.Moves)
	}
	if s.ServerCPUMicrosPerLogin > 0 {
		fmt.Fprintf(w, "server CPU      %.0f µs per login", s.ServerCPUMicrosPerLogin)
		if s.ServerCPUMicrosPerDelivery > 0 {
			fmt.Fprintf(w, ", %.3f µs per delivery", s.ServerCPUMicrosPerDelivery)
		}
		fmt.Fprintln(w)
	}
	if s.ServerRSSPerClient != 0 {
		fmt.Fprintf(w, "server memory   %.1f KiB per client; grown by %d KiB since they had logged in\n", float64(s.ServerRSSPerClient)/1024, s.ServerRSSGrowth>>10)
	}
	if s.BotsCPUSeconds > 0 {
		fmt.Fprintf(w, "CPU             %.2f s by the bots", s.BotsCPUSeconds)
		if s.ServerCPUSeconds > 0 {
			fmt.Fprintf(w, ", %.2f s by the server", s.ServerCPUSeconds)
		}
		fmt.Fprintln(w)
	}
	if s.OK() {
		fmt.Fprintln(w, "faults          none")
	}
	for _, f := range faultNames {
		if n := s.Faults[f.key]; n > 0 {
			fmt.Fprintf(w, "fault           %d %s\n", n, f.text)
		}
	}
	for _, reason := range s.Reasons {
		fmt.Fprintf(w, "                %s\n", reason)
	}
}
