package console

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type reason int

func (r reason) String() string { return [...]string{"slow", "flood"}[r] }

type connStats struct {
	Bytes uint64 `metric:"bytes_total" help:"Bytes received."`
}

type roleStats struct {
	Embedded
	Clients int               `metric:"clients" help:"Clients that are connected."`
	Tick    time.Duration     `metric:"tick_seconds" help:"The last tick."`
	Load    float32           `metric:"load" help:"Share of the time that was spent."`
	Full    bool              `metric:"full" help:"Whether there is no more room."`
	Ejected map[reason]uint64 `metric:"ejected_total" label:"reason" help:"Clients thrown out."`
	Conn    connStats         `metric:"conn"`
	Unseen  []int             `metric:"-"`
	hidden  int
}

// Embedded must be exported, or its fields would not be seen.
type Embedded struct {
	Zones uint16 `metric:"zones" help:"Zones that have objects."`
}

func TestStatsFields(t *testing.T) {
	fields, err := statsFields(reflect.TypeFor[roleStats]())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fields {
		got = append(got, f.name)
	}
	want := []string{"zones", "clients", "tick_seconds", "load", "full", "ejected_total", "conn_bytes_total"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStatsFieldsRefuses(t *testing.T) {
	for name, c := range map[string]struct{ stats, want any }{
		"no struct":       {1, "not int"},
		"no tag":          {struct{ N int }{}, "needs a metric tag"},
		"untagged struct": {struct{ C connStats }{}, "needs a metric tag"},
		"bad name": {struct {
			N int `metric:"N" help:"h"`
		}{}, "no metric name"},
		"no help": {struct {
			N int `metric:"n"`
		}{}, "needs a help tag"},
		"no number": {struct {
			N string `metric:"n" help:"h"`
		}{}, "not a number"},
		"no label": {struct {
			N map[string]int `metric:"n" help:"h"`
		}{}, "needs a label tag"},
		"map of what": {struct {
			N map[string]string `metric:"n" help:"h" label:"l"`
		}{}, "not a number"},
		"no unit": {struct {
			N time.Duration `metric:"n" help:"h"`
		}{}, "must end in _seconds"},
		"same name": {struct {
			A int `metric:"n" help:"h"`
			B int `metric:"n" help:"h"`
		}{}, "two metrics named n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := statsFields(reflect.TypeOf(c.stats))
			if err == nil || !strings.Contains(err.Error(), c.want.(string)) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestAttrs(t *testing.T) {
	attrs, err := Attrs(roleStats{
		Clients: 3,
		Tick:    5 * time.Millisecond,
		Full:    true,
		Ejected: map[reason]uint64{0: 0, 1: 7},
		Conn:    connStats{Bytes: 9},
		hidden:  1,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := slog.GroupValue(attrs...).String()
	want := "[zones=0 clients=3 tick_seconds=0.005 load=0 full=true ejected=[flood=7] conn_bytes=9]"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
