package transport

import (
	"strings"
	"testing"
)

func TestCutReason(t *testing.T) {
	full := strings.Repeat("x", MaxReason)
	tests := []struct{ in, want string }{
		{"", ""},
		{"why not", "why not"},
		{full, full},
		{full + "y", full},
		{full[1:] + "é", full[1:]},
		{full[2:] + "é", full[2:] + "é"},
		{"a\xff\xfeb", "a\uFFFDb"},
		{"bye\nINFO all is well \x1b[2J\x9b\u009b", "bye\uFFFDINFO all is well \uFFFD[2J\uFFFD\uFFFD"},
		{strings.Repeat("\n", MaxReason), strings.Repeat("\uFFFD", MaxReason/3)},
		{strings.Repeat("\xff.", MaxReason), strings.Repeat("\uFFFD.", MaxReason/4)},
	}
	for _, tt := range tests {
		if got := CutReason(tt.in); got != tt.want {
			t.Errorf("CutReason(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
