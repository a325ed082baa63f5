package eventlogger

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, " 0 ": 0, "1d": Day, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "1d 12h": 36 * time.Hour,
		"2 weeks": 14 * Day, "1 day": Day, "90s": 90 * time.Second,
		"15250w": 15250 * 7 * Day, // time.Duration ends soon after
	} {
		if got, err := ParseInterval(text); err != nil || got != want {
			t.Errorf("ParseInterval(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "d", "daily", "-1d", "0d", "1.5h", "1m1h", "1h1h", "1D", "99999999999999999999s", "1h 0", "15251w"} {
		if got, err := ParseInterval(text); err == nil {
			t.Errorf("ParseInterval(%q) = %v", text, got)
		}
	}
}

func TestNextRotation(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	santiago, err := time.LoadLocation("America/Santiago") // changes its clocks at midnight
	if err != nil {
		t.Fatal(err)
	}
	const minute = "2006-01-02 15:04 MST"
	for _, test := range []struct {
		opened   string
		at       *time.Location
		interval string
		want     string
	}{
		{"2026-11-20 15:04", berlin, "0", "0001-01-01 00:00 UTC"},
		{"2026-11-20 15:04", berlin, "1d", "2026-11-21 00:00 CET"},
		{"2026-11-20 00:00", berlin, "1d", "2026-11-21 00:00 CET"},
		{"2026-11-20 15:04", berlin, "1w", "2026-11-27 00:00 CET"},
		{"2026-11-20 15:04", berlin, "6h", "2026-11-20 18:00 CET"},
		{"2026-11-20 18:00", berlin, "6h", "2026-11-21 00:00 CET"},
		{"2026-11-20 22:00", berlin, "5h", "2026-11-21 00:00 CET"},
		{"2026-11-20 15:04", berlin, "15m", "2026-11-20 15:15 CET"},
		{"2026-11-20 15:04", berlin, "36h", "2026-11-22 03:04 CET"},
		{"2026-03-29 00:30", berlin, "1d", "2026-03-30 00:00 CEST"},  // a day of 23 hours
		{"2026-10-25 23:30", berlin, "1h", "2026-10-26 00:00 CET"},   // a day of 25 hours
		{"2026-09-05 12:00", santiago, "1d", "2026-09-06 01:00 -03"}, // a day without midnight
		{"2026-09-05 23:30", santiago, "1h", "2026-09-06 01:00 -03"},
	} {
		opened, err := time.ParseInLocation("2006-01-02 15:04", test.opened, test.at)
		if err != nil {
			t.Fatal(err)
		}
		interval, err := ParseInterval(test.interval)
		if err != nil {
			t.Fatal(err)
		}
		next := nextRotation(opened, interval)
		if got := next.Format(minute); got != test.want {
			t.Errorf("opened at %v, every %s: rotates at %s, want %s", opened, test.interval, got, test.want)
		}
		if interval > 0 && !next.After(opened) {
			t.Errorf("opened at %v, every %s: rotates at once", opened, test.interval)
		}
	}
}

func TestNumbered(t *testing.T) {
	for _, test := range []struct {
		name string
		n    int
		want string
	}{
		{"a/events.log", 0, "a/events.log"}, {"a/events.log", 2, "a/events.2.log"}, {"a.b/events", 1, "a.b/events.1"},
	} {
		if got := numbered(test.name, test.n); got != test.want {
			t.Errorf("numbered(%q, %d) = %q, want %q", test.name, test.n, got, test.want)
		}
	}
}
