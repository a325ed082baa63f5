package stateserver

import (
	"sync/atomic"

	md "github.com/culm-net/culm/internal/messagedirector"
)

// Stats are a StateServer's counters. Those that end in "_total" count from its
// beginning.
type Stats struct {
	Objects int `metric:"objects" help:"Distributed objects."`

	Created  uint64            `metric:"created_total" help:"Objects that were created."`
	Deleted  uint64            `metric:"deleted_total" help:"Objects that were deleted."`
	Messages map[string]uint64 `metric:"messages_total" label:"type" help:"Messages that reached the role or one of its objects."`
	Ignored  map[string]uint64 `metric:"ignored_total" label:"reason" help:"Messages, or entries of them, without effect."`
}

// reason is why a message has no effect.
type reason int

const (
	malformed reason = iota
	unknownType
	strayType
	unknownClass
	unknownField
	badField
	badValue
	exists
	notForMe
	cycle
	tooLong
	limit
	reasons
)

var reasonNames = [reasons]string{
	"malformed", "unknown_type", "stray_type", "unknown_class", "unknown_field", "bad_field", "bad_value",
	"exists", "other_object", "cycle", "too_long", "limit",
}

// The types that are counted one by one. All others are counted together.
const (
	firstType = md.StateServerCreateObjectWithRequired
	lastType  = md.StateServerObjectGetActiveZonesResp
)

type counters struct {
	created, deleted atomic.Uint64
	messages         [lastType - firstType + 1]atomic.Uint64
	others           atomic.Uint64
	ignored          [reasons]atomic.Uint64
}

func (c *counters) message(t md.Type) {
	if t < firstType || t > lastType {
		c.others.Add(1)
		return
	}
	c.messages[t-firstType].Add(1)
}

// Stats returns the counters. It is safe for concurrent use.
func (s *StateServer) Stats() Stats {
	c := &s.objects.count
	st := Stats{
		Deleted:  c.deleted.Load(), // before those created: there cannot be more
		Created:  c.created.Load(),
		Messages: make(map[string]uint64),
		Ignored:  make(map[string]uint64),
	}
	st.Objects = int(st.Created - st.Deleted)
	for i := range c.messages {
		if n := c.messages[i].Load(); n > 0 {
			st.Messages[(firstType + md.Type(i)).String()] = n
		}
	}
	if n := c.others.Load(); n > 0 {
		st.Messages["other"] = n
	}
	for why := range c.ignored {
		st.Ignored[reasonNames[why]] = c.ignored[why].Load()
	}
	return st
}
