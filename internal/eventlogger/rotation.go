package eventlogger

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Day is what "1d" means in an interval.
const Day = 24 * time.Hour

// ParseInterval reads how often files rotate: "0" is never; else numbers with
// units, the largest first, with blanks or without: "1d", "12h", "1h30m", "2 weeks". The
// units are s, m, h, d and w, or these words: second, minute, hour, day, week,
// also in the plural.
func ParseInterval(text string) (time.Duration, error) {
	invalid := fmt.Errorf("%q is not an interval: write 0 for never, or something like 1d, 12h or 30m", text)
	rest := strings.TrimSpace(text)
	if rest == "0" {
		return 0, nil
	}
	var total, last time.Duration
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		rest = strings.TrimLeft(rest[digits:], " ")
		letters := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))
		unit := units[rest[:letters]]
		rest = strings.TrimLeft(rest[letters:], " ")
		if err != nil || unit == 0 || last != 0 && unit >= last || n > int64((math.MaxInt64-total)/unit) {
			return 0, invalid
		}
		total += time.Duration(n) * unit
		last = unit
	}
	if total == 0 {
		return 0, invalid
	}
	return total, nil
}

var units = map[string]time.Duration{
	"s": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": Day, "day": Day, "days": Day,
	"w": 7 * Day, "week": 7 * Day, "weeks": 7 * Day,
}

// nextRotation is when a file that is opened at now has had its time. Whole
// days end at midnight in now's location; shorter intervals are counted
// from midnight and end there, so that "6h" rotates at 0, 6, 12 and 18 o'clock.
// The zero time means never.
func nextRotation(now time.Time, interval time.Duration) time.Time {
	if interval <= 0 {
		return time.Time{}
	}
	year, month, day := now.Date()
	midnight := func(days int) time.Time {
		t := time.Date(year, month, day+days, 0, 0, 0, 0, now.Location())
		if t.Hour() == 23 { // a change of the clocks skips this midnight
			t = t.Add(time.Hour)
		}
		return t
	}
	switch {
	case interval%Day == 0:
		return midnight(int(interval / Day))
	case interval > Day:
		return now.Add(interval)
	}
	start := midnight(0)
	next := start.Add((now.Sub(start)/interval + 1) * interval)
	if end := midnight(1); end.Before(next) {
		return end
	}
	return next
}

// numbered is the n-th name of those files that the pattern gives one name:
// "a.log", "a.1.log", "a.2.log" …
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	ext := filepath.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + strconv.Itoa(n) + ext
}
