package messagedirector

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/internal/session"
)

// TestScenarios plays the stories in testdata/scenarios, once with connections
// that are only made up, so that everything happens on one goroutine, and once
// over TCP. README.md there says how they are written.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios found (%v)", err)
	}
	for name, open := range map[string]func(testing.TB, *stageConfig) stage{"core": newCoreStage, "tcp": newTCPStage} {
		for _, file := range files {
			t.Run(name+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				p := &play{t: t, open: open, peers: make(map[string]peer)}
				for i, line := range strings.Split(string(text), "\n") {
					line, _, _ = strings.Cut(line, "#")
					if line = strings.TrimSpace(line); line == "" {
						continue
					}
					if err := p.line(line); err != nil {
						t.Fatalf("%s:%d: %s\n%v", file, i+1, line, err)
					}
				}
				if err := p.quiet(); err != nil {
					t.Fatalf("%s: at the end: %v", file, err)
				}
			})
		}
	}
}

// stage is a director with links.
type stage interface {
	join() (p peer, refused bool)
	upstream() peer // connects one
	settle()        // returns when everything that was sent has taken effect
	stats() (Stats, LinkStats)
}

// peer is the other end of a link.
type peer interface {
	send(messages ...[]byte)
	received() [][]byte // everything since the last call
	leave()
	dropped() bool // the director has ended the link
}

type stageConfig struct {
	limits Limits
	server ServerConfig
}

type play struct {
	t      *testing.T
	open   func(testing.TB, *stageConfig) stage
	config stageConfig
	stage  stage
	peers  map[string]peer
	inbox  map[string][]string // what was received and not yet asked for
	logged []string
}

func (p *play) line(line string) error {
	words := strings.Fields(line)
	if words[0] == "limit" {
		return p.limit(words[1], words[2])
	}
	if p.stage == nil {
		p.config.server.LogMessage = func(packet []byte) { p.logged = append(p.logged, string(packet)) }
		p.stage = p.open(p.t, &p.config)
		p.inbox = make(map[string][]string)
	}
	who := words[0]
	_, rest, _ := strings.Cut(line, words[1])
	rest = strings.TrimSpace(rest)
	switch words[1] {
	case "gets":
		return p.gets(who, rest)
	case "is": // dropped
		return p.isDropped(who)
	case "counts":
		return p.counts(words[2], words[3])
	}
	if err := p.quiet(); err != nil {
		return err
	}
	switch words[1] {
	case "joins":
		if who == "up" {
			p.peers[who] = p.stage.upstream()
		} else {
			var refused bool
			if p.peers[who], refused = p.stage.join(); refused {
				p.inbox[who] = append(p.inbox[who], "refused")
			}
		}
	case "leaves":
		p.peers[who].leave()
		delete(p.peers, who)
	case "sends":
		var all [][]byte
		for part := range strings.SplitSeq(rest, " ; ") {
			m, err := compose(part)
			if err != nil {
				return err
			}
			all = append(all, m)
		}
		p.peers[who].send(all...)
	default:
		return fmt.Errorf("what is %q?", words[1])
	}
	p.collect()
	return nil
}

func (p *play) limit(what, value string) error {
	n, err := strconv.Atoi(value)
	switch what {
	case "channels":
		p.config.limits.Channels = n
	case "ranges":
		p.config.limits.Ranges = n
	case "post-removes":
		p.config.limits.PostRemoves = n
	case "allow":
		p.config.server.Allow, err = session.ParseNetworks(value)
	default:
		return fmt.Errorf("no limit %q", what)
	}
	return err
}

// collect waits until the last action has had its effects, and looks at them.
func (p *play) collect() {
	p.stage.settle()
	for name, peer := range p.peers {
		for _, m := range peer.received() {
			p.inbox[name] = append(p.inbox[name], describe(m))
		}
	}
	p.inbox["log"] = append(p.inbox["log"], p.logged...)
	p.logged = nil
}

func (p *play) gets(who, want string) error {
	in := p.inbox[who]
	if len(in) == 0 {
		return fmt.Errorf("%s gets nothing more", who)
	}
	if in[0] != want {
		return fmt.Errorf("%s gets\n\t%s", who, strings.Join(in, "\n\t"))
	}
	p.inbox[who] = in[1:]
	return nil
}

func (p *play) quiet() error {
	var left []string
	for who, in := range p.inbox {
		for _, m := range in {
			left = append(left, who+" gets "+m)
		}
	}
	for who, peer := range p.peers {
		if peer.dropped() {
			left = append(left, who+" is dropped")
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		return fmt.Errorf("before it, not expected:\n\t%s", strings.Join(left, "\n\t"))
	}
	return nil
}

func (p *play) isDropped(who string) error {
	if !p.peers[who].dropped() {
		return fmt.Errorf("%s is still there", who)
	}
	delete(p.peers, who)
	return nil
}

func (p *play) counts(what, value string) error {
	s, l := p.stage.stats()
	got := map[string]uint64{
		"participants": uint64(s.Participants), "channels": uint64(s.Channels), "ranges": uint64(s.Ranges),
		"routed": s.Routed, "delivered": s.Delivered, "malformed": s.Malformed + l.Malformed, "links": uint64(l.Links),
	}
	if n, ok := got[what]; !ok || strconv.FormatUint(n, 10) != value {
		return fmt.Errorf("%s is %d", what, n)
	}
	return nil
}

// compose makes a message of its text.
func compose(text string) ([]byte, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, nil
	}
	channels := func() (low, high uint64, single bool, err error) {
		l, h, ranged := strings.Cut(words[1], "-")
		low, err = parseChannel(l)
		if ranged && err == nil {
			high, err = parseChannel(h)
		}
		return low, high, !ranged, err
	}
	var err error
	var low, high uint64
	var single bool
	blob := func(t Type, s string) []byte {
		w := datagram.Writer{Buf: appendControl(nil, t)}
		w.String(s)
		return w.Buf
	}
	_, rest, _ := strings.Cut(text, words[0])
	rest = strings.TrimSpace(rest)
	switch words[0] {
	case "empty":
		return nil, nil
	case "hex":
		return hex.DecodeString(strings.Join(words[1:], ""))
	case "add", "remove":
		if low, high, single, err = channels(); err != nil {
			return nil, err
		}
		t := map[string]Type{"addtrue": ControlAddChannel, "addfalse": ControlAddRange, "removetrue": ControlRemoveChannel, "removefalse": ControlRemoveRange}[fmt.Sprint(words[0], single)]
		if single {
			return appendControl(nil, t, low), nil
		}
		return appendControl(nil, t, low, high), nil
	case "post-remove":
		if low, err = parseChannel(words[1]); err != nil {
			return nil, err
		}
		m, err := compose(strings.Join(words[2:], " "))
		return appendPostRemove(nil, low, m), err
	case "clear":
		low, err = parseChannel(words[1])
		return appendControl(nil, ControlClearPostRemoves, low), err
	case "name":
		return blob(ControlSetConName, rest), nil
	case "url":
		return blob(ControlSetConURL, rest), nil
	case "log":
		return blob(ControlLogMessage, rest), nil
	case "control":
		n, err := strconv.Atoi(words[1])
		return appendControl(nil, Type(n)), err
	}
	// sender -> recipient … : type text
	arrow, colon := slices.Index(words, "->"), slices.Index(words, ":")
	if arrow != 1 || colon < 0 || len(words) < colon+2 {
		return nil, fmt.Errorf("no message: %q", text)
	}
	sender, err := parseChannel(words[0])
	if err != nil {
		return nil, err
	}
	to := words[2:colon]
	b := []byte{uint8(len(to))}
	for _, s := range to {
		ch, err := parseChannel(s)
		if err != nil {
			return nil, err
		}
		b = binary.LittleEndian.AppendUint64(b, ch)
	}
	b = binary.LittleEndian.AppendUint64(b, sender)
	typ, err := strconv.Atoi(words[colon+1])
	b = binary.LittleEndian.AppendUint16(b, uint16(typ))
	return append(b, strings.Join(words[colon+2:], " ")...), err
}

func parseChannel(s string) (uint64, error) {
	if s == "max" {
		return 1<<64 - 1, nil
	}
	return strconv.ParseUint(s, 0, 64)
}

// describe is the text of a message.
func describe(b []byte) string {
	ch := func(v uint64) string {
		if v == 1<<64-1 {
			return "max"
		}
		return strconv.FormatUint(v, 10)
	}
	if isControl(b) {
		if c, err := parseControl(b); err == nil {
			switch c.typ {
			case ControlAddChannel:
				return "add " + ch(c.low)
			case ControlRemoveChannel:
				return "remove " + ch(c.low)
			case ControlAddRange:
				return "add " + ch(c.low) + "-" + ch(c.high)
			case ControlRemoveRange:
				return "remove " + ch(c.low) + "-" + ch(c.high)
			case ControlAddPostRemove:
				return "post-remove " + ch(c.low) + " " + describe(c.contents)
			case ControlClearPostRemoves:
				return "clear " + ch(c.low)
			}
		}
	}
	m, err := ParseMessage(b)
	if err != nil || len(b) < 1+8*int(b[0])+10 {
		return "hex " + hex.EncodeToString(b)
	}
	s := ch(m.Sender) + " ->"
	for i := range m.Recipients() {
		s += " " + ch(m.Recipient(i))
	}
	return strings.TrimSpace(fmt.Sprintf("%s : %d %s", s, m.Type, m.Payload))
}
