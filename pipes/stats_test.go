package pipes

import (
	"maps"
	"slices"
	"testing"
)

// What has not happened is counted, too: who watches a counter that is not there
// misses the first time.
func TestReasonsThatHaveNotHappened(t *testing.T) {
	st := newStage()
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	s := st.server.Stats()
	for what, c := range map[string]struct {
		got  map[string]uint64
		want []string
	}{
		"rejected": {s.Rejected, []string{"address_full", "already_signed_in", "dc_hash", "full", "login", "login_timeout", "password", "protocol", "shutting_down"}},
		"ejected": {s.Ejected, []string{"kicked", "malformed", "no_hello", "silent", "too_fast", "too_large", "too_many_requests",
			"too_many_zones", "too_slow", "wrong_state"}},
		"refused": {s.Refused, []string{"acknowledgement", "command_rate", "not_finite", "not_text", "unknown_type", "zone"}},
	} {
		if got := slices.Sorted(maps.Keys(c.got)); !slices.Equal(got, c.want) {
			t.Errorf("%s for %q, want %q", what, got, c.want)
		}
		for reason, n := range c.got {
			if n != 0 {
				t.Errorf("%s for %s is %d", what, reason, n)
			}
		}
	}
}

// ejected counts the clients that a server disconnected, for whatever reason.
func ejected(s Stats) (n uint64) {
	for _, k := range s.Ejected {
		n += k
	}
	return n
}
