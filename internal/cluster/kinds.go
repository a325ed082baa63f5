package cluster

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/culm-net/culm/internal/eventlogger"
	"github.com/culm-net/culm/internal/session"
)

// A kind is what a value of the file may be.
type kind struct {
	doc string // for docs/cluster-keys.md
	// parse reads a value that is written as text. Its result converts to
	// the field's type. An error continues the sentence that begins with the
	// text in quotes; if it is a warning, the result counts nevertheless.
	parse func(text string, f *field, dir string) (any, error)
}

// warning is an error that is none.
type warning struct{ error }

var kinds = map[string]kind{
	"string": {"text", func(text string, _ *field, _ string) (any, error) { return text, nil }},
	"path":   {"path, relative to the file's folder", parsePath},
	"pattern": {"path, relative to the file's folder, with strftime's conversions", func(text string, _ *field, dir string) (any, error) {
		if err := eventlogger.CheckPattern(text); err != nil {
			return nil, fmt.Errorf("is no name of a file: %w", err)
		}
		if dir == "" || filepath.IsAbs(text) {
			return text, nil
		}
		return filepath.Join(eventlogger.EscapePattern(dir), text), nil
	}},
	"url": {"path of a URL", func(text string, _ *field, _ string) (any, error) {
		if !strings.HasPrefix(text, "/") {
			return nil, errors.New("does not begin with a slash")
		}
		return text, nil
	}},
	"address": {"address", func(text string, f *field, _ string) (any, error) { return parseAddress(text, f.port) }},
	"network": {"address or block of addresses", func(text string, _ *field, _ string) (any, error) {
		nets, err := session.ParseNetworks(text)
		if err != nil {
			return nil, errors.New("is neither an address nor a block of addresses such as 10.0.0.0/8 or ::1/128")
		}
		return nets[0], nil
	}},
	"bool":    {"true or false", parseBool},
	"boolean": {"true, false, yes, no, on or off", parseBoolean},
	"enum": {"", func(text string, f *field, _ string) (any, error) {
		if !slices.Contains(f.one, text) {
			return nil, fmt.Errorf("is not %s", either(f.one))
		}
		return text, nil
	}},
	"channel":  {"channel", parseChannel},
	"doid":     {"doId", parseDoID},
	"zones":    {"zone, or range like 10-20", parseZones},
	"uint32":   {"number", func(text string, _ *field, _ string) (any, error) { return parseUint(text, math.MaxUint32) }},
	"count":    {"number", parseCount},
	"rate":     {"number per second", parseRate},
	"bytes":    {"bytes, or with a unit like 64MiB", parseBytes},
	"ms":       {"milliseconds, or with a unit like 30s", parseMilliseconds},
	"interval": {"0 for never, or like 1d, 12h, 30m", parseInterval},
}

func parsePath(text string, _ *field, dir string) (any, error) {
	if text == "" {
		return nil, errors.New("is not a path")
	}
	if dir == "" || filepath.IsAbs(text) {
		return text, nil
	}
	return filepath.Join(dir, text), nil
}

// parseBool reads what Astron takes where it is strict.
func parseBool(text string, _ *field, _ string) (any, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return nil, errors.New("is neither true nor false")
}

// parseBoolean reads every boolean of YAML 1.1.
func parseBoolean(text string, _ *field, _ string) (any, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "y", "on":
		return true, nil
	case "false", "no", "n", "off":
		return false, nil
	}
	return nil, errors.New("is neither true nor false")
}

// parseUint reads a number in decimal, or in hex behind 0x.
func parseUint(text string, limit uint64) (uint64, error) {
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("is not a whole number without sign, decimal or hex like 0x1f")
	}
	if err != nil || n > limit {
		return 0, fmt.Errorf("is more than %d", limit)
	}
	return n, nil
}

// parseChannel refuses those that Astron reserves: 1 to 999, and from 1<<32 to
// 999<<32.
func parseChannel(text string, _ *field, _ string) (any, error) {
	n, err := parseUint(text, math.MaxUint64)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, errors.New("is the invalid channel")
	case n < 1000:
		return nil, errors.New("is a reserved channel: those below 1000 are")
	case n >= 1<<32 && n <= 999<<32:
		return nil, errors.New("is a reserved channel: those from 1<<32 to 999<<32 are")
	}
	return n, nil
}

func parseDoID(text string, _ *field, _ string) (any, error) {
	n, err := parseUint(text, math.MaxUint32)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, errors.New("is the invalid doId")
	case n < 1000:
		return nil, errors.New("is a reserved doId: those below 1000 are")
	}
	return n, nil
}

func parseZones(text string, _ *field, _ string) (any, error) {
	low, high, isRange := strings.Cut(text, "-")
	from, err := parseUint(strings.TrimSpace(low), math.MaxUint32)
	to := from
	if err == nil && isRange {
		to, err = parseUint(strings.TrimSpace(high), math.MaxUint32)
	}
	if err != nil || from > to {
		return nil, errors.New("is neither a zone nor a range of zones such as 10-20")
	}
	return ZoneRange{uint32(from), uint32(to)}, nil
}

func parseCount(text string, f *field, _ string) (any, error) {
	n, err := parseUint(text, math.MaxInt32)
	if err == nil && n < f.min {
		err = atLeast(f.min)
	}
	return n, err
}

func atLeast(least uint64) error { return fmt.Errorf("is too small: it must be at least %d", least) }

func parseRate(text string, _ *field, _ string) (any, error) {
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || !(rate >= 0) || math.IsInf(rate, 0) {
		return nil, errors.New("is not a number of at least 0")
	}
	return rate, nil
}

func parseBytes(text string, f *field, _ string) (any, error) {
	digits, shift := text, 0
	for unit, s := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30} {
		if rest, ok := strings.CutSuffix(text, unit); ok {
			digits, shift = strings.TrimSpace(rest), s
		}
	}
	limit := uint64(math.MaxInt32) // an int on any machine
	if f.elem.Kind() == reflect.Int64 {
		limit = math.MaxInt64
	}
	n, err := strconv.ParseUint(digits, 0, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, errors.New("is not a number of bytes, such as 65536, 64KiB, 16MiB or 1GiB")
	}
	if err != nil || n > limit>>shift {
		return nil, fmt.Errorf("is more than %d bytes", limit)
	}
	if n < f.min {
		return nil, atLeast(f.min)
	}
	return n << shift, nil
}

// parseMilliseconds reads a number of them, or a duration like "30s".
func parseMilliseconds(text string, f *field, _ string) (any, error) {
	var d time.Duration
	if n, err := strconv.ParseUint(text, 0, 64); err == nil {
		if n > math.MaxInt64/uint64(time.Millisecond) {
			return nil, errors.New("is too long")
		}
		d = time.Duration(n) * time.Millisecond
	} else if d, err = time.ParseDuration(text); err != nil || d < 0 {
		return nil, errors.New("is neither a number of milliseconds nor a duration such as 500ms, 30s or 5m")
	}
	if d < time.Duration(f.min)*time.Millisecond {
		return nil, fmt.Errorf("is too short: it must be at least %d ms", f.min)
	}
	return d, nil
}

// parseInterval warns only, because Astron takes every text and ignores it.
func parseInterval(text string, _ *field, _ string) (any, error) {
	d, err := eventlogger.ParseInterval(text)
	if err != nil {
		return time.Duration(0), warning{errors.New("is not an interval such as 1d, 12h or 30m: files are not rotated by time")}
	}
	return d, nil
}

// either is "a", "a or b", "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
