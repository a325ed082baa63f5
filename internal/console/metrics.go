package console

import (
	"fmt"
	"reflect"

	"github.com/prometheus/client_golang/prometheus"
)

// Register makes what stats returns visible on /metrics, each name with the
// prefix "culm_", role and an underscore. stats returns a stats struct by value
// (the text on statsField says what that is), always of the same type; it is
// called once here and then for every scrape, from any goroutine. The
// keys of its maps must come from a bounded set that no peer can widen: each
// one is a time series that lives in somebody's database.
func (s *Server) Register(role string, stats func() any) error {
	t := reflect.TypeOf(stats())
	fields, err := statsFields(t)
	if err != nil {
		return err
	}
	c := &collector{typ: t, fields: fields, stats: stats}
	for _, f := range fields {
		var labels []string
		if f.label != "" {
			labels = []string{f.label}
		}
		c.descs = append(c.descs, prometheus.NewDesc("culm_"+role+"_"+f.name, f.help, labels, nil))
	}
	if err := s.registry.Register(c); err != nil {
		return fmt.Errorf("console: the metrics of %s: %w", role, err)
	}
	return nil
}

// collector turns stats structs into metrics. It never changes.
type collector struct {
	typ    reflect.Type
	fields []statsField
	descs  []*prometheus.Desc // as many as fields
	stats  func() any
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(out chan<- prometheus.Metric) {
	v := reflect.ValueOf(c.stats())
	if v.Type() != c.typ {
		out <- prometheus.NewInvalidMetric(c.descs[0], fmt.Errorf("the stats were a %v, now they are a %v", c.typ, v.Type()))
		return
	}
	for i, f := range c.fields {
		kind := prometheus.GaugeValue
		if f.counter {
			kind = prometheus.CounterValue
		}
		emit := func(value reflect.Value, labels ...string) {
			m, err := prometheus.NewConstMetric(c.descs[i], kind, number(value), labels...)
			if err != nil {
				m = prometheus.NewInvalidMetric(c.descs[i], err)
			}
			out <- m
		}
		field := v.FieldByIndex(f.index)
		if f.label == "" {
			emit(field)
			continue
		}
		for key, value := range field.Seq2() {
			emit(value, fmt.Sprint(key))
		}
	}
}
