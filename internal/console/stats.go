package console

import (
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A stats struct is how a role tells its counters without knowing who reads
// them: a plain struct whose exported fields are tagged with a metric's name
// and help.
//
//	type Stats struct {
//		Clients  int                `metric:"clients" help:"Clients that are connected."`
//		Received uint64             `metric:"messages_received_total" help:"Messages that clients sent."`
//		Ejected  map[string]uint64  `metric:"ejected_total" label:"reason" help:"Clients that were thrown out."`
//		Tick     time.Duration      `metric:"tick_seconds" help:"Time that the last tick took."`
//		Session  session.Stats      `metric:"session"`
//		Internal int                `metric:"-"`
//	}
//
// Fields are numbers, booleans (0 and 1), durations (seconds), maps from a
// string, a number or a fmt.Stringer to one of these (one metric with a label),
// or stats structs, whose names get the tag and an underscore as prefix;
// embedded ones get no prefix. What ends in "_total" only ever grows: a
// counter. Everything else is a gauge. An exported field without a tag is an
// error, so that none is forgotten.
type statsField struct {
	index   []int
	name    string
	help    string
	label   string // of a map's keys, else empty
	counter bool
}

var (
	metricName   = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	durationType = reflect.TypeFor[time.Duration]()
)

// statsFields lists the metrics of a stats struct.
func statsFields(t reflect.Type) ([]statsField, error) {
	fields, err := appendStatsFields(nil, t, nil, "")
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, f := range fields {
		if seen[f.name] {
			return nil, fmt.Errorf("console: %v has two metrics named %s", t, f.name)
		}
		seen[f.name] = true
	}
	return fields, nil
}

func appendStatsFields(fields []statsField, t reflect.Type, index []int, prefix string) ([]statsField, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("console: stats are a struct, not %v", t)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		where := append(slices.Clone(index), i)
		name, tagged := f.Tag.Lookup("metric")
		if name == "-" {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			sub := prefix
			if tagged {
				sub += name + "_"
			} else if !f.Anonymous {
				return nil, fmt.Errorf(`console: %v.%s needs a metric tag: the prefix of its names, or "-"`, t, f.Name)
			}
			var err error
			if fields, err = appendStatsFields(fields, f.Type, where, sub); err != nil {
				return nil, err
			}
			continue
		}

		m := statsField{index: where, name: prefix + name, help: f.Tag.Get("help"), label: f.Tag.Get("label")}
		m.counter = strings.HasSuffix(m.name, "_total")
		value := f.Type
		if value.Kind() == reflect.Map {
			if !metricName.MatchString(m.label) {
				return nil, fmt.Errorf("console: %v.%s needs a label tag: what its keys are, like \"reason\"", t, f.Name)
			}
			value = value.Elem()
		}
		switch {
		case !tagged:
			return nil, fmt.Errorf(`console: %v.%s needs a metric tag: its name, or "-"`, t, f.Name)
		case !metricName.MatchString(m.name):
			return nil, fmt.Errorf("console: %v.%s: %q is no metric name: write it like_this_total", t, f.Name, m.name)
		case m.help == "":
			return nil, fmt.Errorf("console: %v.%s needs a help tag: a sentence about it", t, f.Name)
		case !numeric(value):
			return nil, fmt.Errorf("console: %v.%s is a %v, which is not a number", t, f.Name, f.Type)
		case value == durationType && !strings.HasSuffix(strings.TrimSuffix(m.name, "_total"), "_seconds"):
			return nil, fmt.Errorf("console: %v.%s is a duration: %q must end in _seconds or _seconds_total", t, f.Name, m.name)
		}
		fields = append(fields, m)
	}
	return fields, nil
}

func numeric(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// number is the metric's value of a field that is numeric.
func number(v reflect.Value) float64 {
	switch {
	case v.Type() == durationType:
		return time.Duration(v.Int()).Seconds()
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	case v.CanFloat():
		return v.Float()
	case v.Bool():
		return 1
	}
	return 0
}

// shown is the value of a field that is numeric, as it goes to the log.
func shown(v reflect.Value) any {
	if v.Type() == durationType {
		return number(v)
	}
	return v.Interface()
}

// Attrs returns a stats struct as attributes for a status line in the log, in
// the order of its fields: counters without "_total" in their names, durations
// in seconds, maps as groups. Counters that are zero are left out, and so are
// zeros in maps.
func Attrs(stats any) ([]slog.Attr, error) {
	v := reflect.ValueOf(stats)
	fields, err := statsFields(v.Type())
	if err != nil {
		return nil, err
	}
	var attrs []slog.Attr
	for _, f := range fields {
		name := strings.TrimSuffix(f.name, "_total")
		field := v.FieldByIndex(f.index)
		if field.IsZero() && (f.counter || f.label != "") {
			continue
		}
		if f.label == "" {
			attrs = append(attrs, slog.Any(name, shown(field)))
			continue
		}
		group := make(map[string]any)
		for key, value := range field.Seq2() {
			if !value.IsZero() {
				group[fmt.Sprint(key)] = shown(value)
			}
		}
		var members []any
		for _, key := range slices.Sorted(maps.Keys(group)) {
			members = append(members, slog.Any(key, group[key]))
		}
		attrs = append(attrs, slog.Group(name, members...))
	}
	return attrs, nil
}
