package eventlogger

import (
	"testing"
	"time"
)

// The wanted texts are what C's strftime says in the "C" locale (date(1) of
// coreutils with LC_ALL=C).
func TestStrftime(t *testing.T) {
	friday := time.Date(2026, 11, 20, 15, 4, 5, 0, cet)
	sunday := time.Date(2027, 1, 3, 0, 0, 0, 0, cet)
	for _, test := range []struct {
		pattern string
		t       time.Time
		want    string
	}{
		{"events-%Y%m%d-%H%M%S.log", friday, "events-20261120-150405.log"},
		{"%a %A %b %B %h", friday, "Fri Friday Nov November Nov"},
		{"%c|%x|%X|%D|%F|%R|%T|%r", friday, "Fri Nov 20 15:04:05 2026|11/20/26|15:04:05|11/20/26|2026-11-20|15:04|15:04:05|03:04:05 PM"},
		{"%C %y %g %G %V %U %W %u %w %j", friday, "20 26 26 2026 47 46 46 5 5 324"},
		{"%C %y %g %G %V %U %W %u %w %j %e", sunday, "20 27 26 2026 53 01 00 7 0 003  3"},
		{"%I%p %z %Z", sunday, "12AM +0100 CET"},
		{"100%% %n%t.", friday, "100% \n\t."},
		{"%Q %", friday, "%Q %"},
		{"", friday, ""},
	} {
		if got := strftime(test.pattern, test.t); got != test.want {
			t.Errorf("strftime(%q) = %q, want %q", test.pattern, got, test.want)
		}
	}
}

func TestCheckPattern(t *testing.T) {
	for pattern, want := range map[string]string{
		"events-%Y%m%d-%H%M%S.log": "",
		"50%%":                     "",
		"":                         "the name of the file is empty",
		"50%":                      `"50%" ends with a single %; write %% for the character itself`,
		"%Y-%Q":                    `%Q in "%Y-%Q" is not a conversion of strftime; write %% for the character itself`,
	} {
		got := ""
		if err := CheckPattern(pattern); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("CheckPattern(%q) = %q, want %q", pattern, got, want)
		}
	}
	if got := strftime(EscapePattern("/srv/100%d/"), noon); got != "/srv/100%d/" {
		t.Errorf("the escaped folder is %q", got)
	}
}
