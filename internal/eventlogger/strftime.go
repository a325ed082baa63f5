package eventlogger

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// CheckPattern says what is wrong with a pattern of a file's name: a
// conversion that C's strftime does not know, or none at all.
func CheckPattern(pattern string) error {
	if pattern == "" {
		return fmt.Errorf("the name of the file is empty")
	}
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			continue
		}
		i++
		if i == len(pattern) {
			return fmt.Errorf("%q ends with a single %%; write %%%% for the character itself", pattern)
		}
		if _, ok := conversion(nil, pattern[i], time.Time{}); !ok {
			return fmt.Errorf("%%%c in %q is not a conversion of strftime; write %%%% for the character itself", pattern[i], pattern)
		}
	}
	return nil
}

// EscapePattern returns the pattern of exactly this text.
func EscapePattern(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// strftime replaces the conversions of C99's strftime in a pattern, in the "C"
// locale. Others stay as they are.
func strftime(pattern string, t time.Time) string {
	var out []byte
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '%' && i+1 < len(pattern) {
			if converted, ok := conversion(out, pattern[i+1], t); ok {
				out = converted
				i++
				continue
			}
		}
		out = append(out, pattern[i])
	}
	return string(out)
}

// layouts are the conversions that are a layout of package time.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan",
	'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06", 'e': "_2", 'F': "2006-01-02",
	'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'r': "03:04:05 PM",
	'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05",
	'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

// conversion appends what a conversion stands for.
func conversion(dst []byte, c byte, t time.Time) ([]byte, bool) {
	if layout, ok := layouts[c]; ok {
		return t.AppendFormat(dst, layout), true
	}
	isoYear, isoWeek := t.ISOWeek()
	switch c {
	case '%':
		return append(dst, '%'), true
	case 'n':
		return append(dst, '\n'), true
	case 't':
		return append(dst, '\t'), true
	case 'C':
		return two(dst, t.Year()/100), true
	case 'g':
		return two(dst, isoYear%100), true
	case 'G':
		return strconv.AppendInt(dst, int64(isoYear), 10), true
	case 'u': // 1 is Monday, 7 is Sunday
		return strconv.AppendInt(dst, int64(t.Weekday()+6)%7+1, 10), true
	case 'w': // 0 is Sunday
		return strconv.AppendInt(dst, int64(t.Weekday()), 10), true
	case 'U': // week of the year; the first Sunday begins week 1
		return two(dst, (t.YearDay()+6-int(t.Weekday()))/7), true
	case 'W': // the same from Monday
		return two(dst, (t.YearDay()+6-int(t.Weekday()+6)%7)/7), true
	case 'V':
		return two(dst, isoWeek), true
	}
	return dst, false
}

func two(dst []byte, n int) []byte {
	if n < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}
