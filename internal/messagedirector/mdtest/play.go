// Package mdtest plays stories about roles behind a message director, for the
// tests of those roles: who sends what, and who must get what then. The stories
// are text; the same one is played on the core, where everything happens on one
// goroutine, and over TCP.
//
// Lines of a story, of which what follows a "# " is a comment:
//
//	NAME joins [CHANNEL …]       a link comes, and subscribes the channels
//	NAME leaves                  it is lost
//	NAME sends MESSAGE [; …]     in one write
//	NAME gets MESSAGE            the next thing that arrives there
//	set WHAT VALUE               a setting of the role, before anybody joins
//	the counts WHAT N            a counter of the role has this value
//
// A role may have clients that speak with it directly, and understand lines of
// its own:
//
//	NAME connects [HOW]          a client comes; it leaves, sends and gets too
//	NAME is gone                 the role has ended its connection
//	WORD …                       see Role.Line
//
// Before a story is played, {TEXT*N} becomes N times TEXT, and
//
//	for A to B : LINE            becomes the line for each number, put for each $
//
// What is not expected must not happen: before the next action, everybody must
// have got exactly what the story says. Who has the same channels as somebody
// else still gets messages of its own.
//
// A MESSAGE is "SENDER -> RECIPIENT … : TYPE PAYLOAD", see [Codec], or "add
// CHANNEL …", "remove CHANNEL …", "post-remove SENDER MESSAGE", or "hex" and
// bytes. A channel is a number, P/Z for the location channel of a parent and a
// zone, or P/* for the channel of a parent's children.
package mdtest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// Role is what stories are about.
type Role struct {
	// Open starts the role in a director, with what the story has set before.
	Open func(t testing.TB, d *md.Director, settings map[string]string)
	// Count returns a counter of the role, by the name that the story gives it.
	Count func(name string) (uint64, bool)
	// Codec knows the texts of payloads.
	Codec *Codec

	// Connect brings a client, over TCP or on the core. Its messages are of
	// ClientCodec, without "SENDER -> RECIPIENT :". nil if there are none.
	Connect     func(t testing.TB, tcp bool, how string) Client
	ClientCodec *Codec
	// Line does what a line says that the play does not know, by its first
	// word. It may be nil.
	Line func(words []string) error
}

// Client is a peer that speaks with the role directly.
type Client interface {
	Send(messages [][]byte)
	// Settle returns when the role has taken what was sent.
	Settle()
	// Received returns everything that came since the last call; it is called
	// when nothing is under way any more.
	Received() [][]byte
	// Gone reports whether the role has ended the connection.
	Gone() bool
	Leave()
}

// client is a Client among peers.
type client struct{ Client }

func (c client) send(messages [][]byte) { c.Send(messages) }
func (c client) received() [][]byte     { return c.Received() }
func (c client) leave()                 { c.Leave() }

// Run plays the files that match the pattern, each as two subtests.
func Run(t *testing.T, pattern string, role Role) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories found (%v)", err)
	}
	for name, open := range map[string]func(testing.TB, *md.Director) stage{"core": newCore, overSockets: newTCP} {
		for _, file := range files {
			t.Run(name+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				p := &play{t: t, role: role, tcp: name == overSockets, open: open, settings: make(map[string]string), inbox: make(map[string][]string), peers: make(map[string]peer)}
				lines, err := expand(string(text))
				if err != nil {
					t.Fatalf("%s:%v", file, err)
				}
				for _, l := range lines {
					if err := p.line(l.text); err != nil {
						t.Fatalf("%s:%d: %.500s\n%v", file, l.number, l.text, err)
					}
				}
				if err := p.quiet(); err != nil {
					t.Fatalf("%s: at the end: %v", file, err)
				}
			})
		}
	}
}

// Sent returns the messages that each of the stories sends, as seeds for fuzz
// tests. Those that are control messages are among them.
func Sent(pattern string, codec *Codec) (stories [][][]byte, err error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var story [][]byte
		p := &play{role: Role{Codec: codec}}
		lines, err := expand(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s:%w", file, err)
		}
		for _, l := range lines {
			_, messages, ok := strings.Cut(l.text, " sends ")
			if !ok {
				continue
			}
			for part := range strings.SplitSeq(messages, " ; ") {
				m, err := p.compose(part)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", file, err)
				}
				story = append(story, m...)
			}
		}
		stories = append(stories, story)
	}
	return stories, nil
}

// line is one of a story.
type line struct {
	number int // in the file, from 1
	text   string
}

var (
	loop     = regexp.MustCompile(`^for (\d+) to (\d+) : (.*)$`)
	repeated = regexp.MustCompile(`\{([^{}]*)\*(\d+)\}`)
)

// expand returns the lines of a story that say something, with what stands for
// several written out.
func expand(text string) (lines []line, err error) {
	for i, t := range strings.Split(text, "\n") {
		if t = uncomment(t); t == "" {
			continue
		}
		t = repeated.ReplaceAllStringFunc(t, func(s string) string {
			m := repeated.FindStringSubmatch(s)
			n, e := strconv.ParseUint(m[2], 10, 16) // nothing in a message is longer
			if e != nil {
				err = fmt.Errorf("%d: %w", i+1, e)
			}
			return strings.Repeat(m[1], int(n))
		})
		m := loop.FindStringSubmatch(t)
		if m == nil {
			lines = append(lines, line{i + 1, t})
			continue
		}
		from, e1 := strconv.ParseUint(m[1], 10, 32)
		to, e2 := strconv.ParseUint(m[2], 10, 32)
		if e := errors.Join(e1, e2); e != nil {
			err = fmt.Errorf("%d: %w", i+1, e)
		}
		for n := from; n <= to && err == nil; n++ {
			lines = append(lines, line{i + 1, strings.ReplaceAll(m[3], "$", strconv.FormatUint(n, 10))})
		}
	}
	return lines, err
}

// uncomment returns what is said in a line. "#5" is no comment.
func uncomment(line string) string {
	line, _, _ = strings.Cut(line+" ", "# ")
	return strings.TrimSpace(line)
}

const overSockets = "tcp"

// stage is a director with links.
type stage interface {
	join() peer
	settle() // returns when everything that was sent has taken effect
}

// peer is the other end of a link.
type peer interface {
	send(messages [][]byte)
	received() [][]byte // everything since the last call
	leave()
}

type play struct {
	t        *testing.T
	role     Role
	tcp      bool
	open     func(testing.TB, *md.Director) stage
	settings map[string]string
	stage    stage
	peers    map[string]peer
	inbox    map[string][]string // what was received and not yet asked for
}

func (p *play) line(line string) error {
	words := strings.Fields(line)
	if len(words) < 2 {
		return fmt.Errorf("who does what?")
	}
	if words[0] == "set" && len(words) == 3 {
		p.settings[words[1]] = words[2]
		return nil
	}
	if p.stage == nil {
		d := md.New(md.Limits{})
		p.role.Open(p.t, d, p.settings)
		p.stage = p.open(p.t, d)
	}
	if p.role.Line != nil && p.peers[words[0]] == nil && words[0] != "the" && words[1] != "joins" && words[1] != "connects" {
		if err := p.quiet(); err != nil {
			return err
		}
		defer p.collect()
		return p.role.Line(words)
	}
	who := words[0]
	_, rest, _ := strings.Cut(line, words[1])
	rest = strings.TrimSpace(rest)
	if peer := p.peers[who]; peer == nil && who != "the" && words[1] != "joins" && words[1] != "connects" {
		return fmt.Errorf("%s has not joined", who)
	}
	switch words[1] {
	case "gets":
		return p.gets(who, rest)
	case "counts":
		return p.counts(rest)
	case "is": // gone
		return p.isGone(who)
	}
	if err := p.quiet(); err != nil {
		return err
	}
	switch words[1] {
	case "joins":
		p.peers[who] = p.stage.join()
		if rest != "" {
			return p.send(who, "add "+rest)
		}
		return nil
	case "connects":
		p.peers[who] = client{p.role.Connect(p.t, p.tcp, rest)}
	case "leaves":
		p.peers[who].leave()
		delete(p.peers, who)
	case "sends":
		return p.send(who, rest)
	default:
		return fmt.Errorf("what is %q?", words[1])
	}
	p.collect()
	return nil
}

func (p *play) send(who, text string) error {
	var all [][]byte
	for part := range strings.SplitSeq(text, " ; ") {
		compose := p.compose
		if _, ok := p.peers[who].(client); ok {
			compose = p.composeClient
		}
		m, err := compose(part)
		if err != nil {
			return err
		}
		all = append(all, m...)
	}
	p.peers[who].send(all)
	p.collect()
	return nil
}

// collect waits until the last action has had its effects, and looks at them.
func (p *play) collect() {
	for _, peer := range p.peers {
		if c, ok := peer.(client); ok {
			c.Settle()
		}
	}
	p.stage.settle()
	for name, peer := range p.peers {
		describe := p.describe
		if _, ok := peer.(client); ok {
			describe = p.describeClient
		}
		for _, m := range peer.received() {
			p.inbox[name] = append(p.inbox[name], describe(m))
		}
	}
}

func (p *play) isGone(who string) error {
	if c, ok := p.peers[who].(client); !ok || !c.Gone() {
		return fmt.Errorf("%s is still there", who)
	}
	p.peers[who].leave()
	delete(p.peers, who)
	return nil
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
		if c, ok := peer.(client); ok && c.Gone() {
			left = append(left, who+" is gone")
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		return fmt.Errorf("before it, not expected:\n\t%s", strings.Join(left, "\n\t"))
	}
	return nil
}

func (p *play) counts(what string) error {
	name, value, _ := strings.Cut(what, " ")
	n, ok := p.role.Count(name)
	if !ok || strconv.FormatUint(n, 10) != value {
		return fmt.Errorf("%s is %d", name, n)
	}
	return nil
}

// compose makes messages of their text.
func (p *play) compose(text string) (all [][]byte, err error) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return nil, fmt.Errorf("no message: %q", text)
	}
	switch words[0] {
	case "hex":
		m, err := hex.DecodeString(strings.Join(words[1:], ""))
		return [][]byte{m}, err
	case "add", "remove":
		t := md.ControlAddChannel
		if words[0] == "remove" {
			t = md.ControlRemoveChannel
		}
		for _, word := range words[1:] {
			ch, err := parseChannel(word)
			if err != nil {
				return nil, err
			}
			w := control(t)
			w.Uint64(ch)
			all = append(all, w.Buf)
		}
		return all, nil
	case "post-remove":
		ch, err := parseChannel(words[1])
		if err != nil {
			return nil, err
		}
		_, rest, _ := strings.Cut(text, words[1])
		m, err := p.compose(strings.TrimSpace(rest))
		if err != nil {
			return nil, err
		}
		w := control(md.ControlAddPostRemove)
		w.Uint64(ch)
		w.Blob(m[0])
		return [][]byte{w.Buf}, nil
	}
	head, payload, ok := strings.Cut(text, " : ")
	words = strings.Fields(head)
	if !ok || len(words) < 2 || words[1] != "->" {
		return nil, fmt.Errorf("no message: %q", text)
	}
	channels := make([]uint64, 0, len(words))
	for i, word := range words {
		if i != 1 {
			ch, err := parseChannel(word)
			if err != nil {
				return nil, err
			}
			channels = append(channels, ch)
		}
	}
	var w datagram.Writer
	w.Uint8(uint8(len(channels) - 1))
	for _, ch := range channels[1:] {
		w.Uint64(ch)
	}
	w.Uint64(channels[0])
	b, err := p.role.Codec.Compose(payload)
	return [][]byte{append(w.Buf, b...)}, err
}

// composeClient makes a message of a client.
func (p *play) composeClient(text string) ([][]byte, error) {
	if text == "nothing" {
		return [][]byte{nil}, nil
	}
	if digits, ok := strings.CutPrefix(text, "hex "); ok {
		m, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		return [][]byte{m}, err
	}
	m, err := p.role.ClientCodec.Compose(text)
	return [][]byte{m}, err
}

func (p *play) describeClient(b []byte) string {
	r := datagram.NewReader(b)
	t := r.Uint16()
	return p.role.ClientCodec.Describe(md.Type(t), r.Rest())
}

// control begins a control message.
func control(t md.Type) *datagram.Writer {
	w := new(datagram.Writer)
	w.Uint8(1)
	w.Uint64(md.ControlChannel)
	w.Uint16(uint16(t))
	return w
}

func (p *play) describe(b []byte) string {
	m, err := md.ParseMessage(b)
	if err != nil {
		return "hex " + hex.EncodeToString(b)
	}
	s := formatChannel(m.Sender) + " ->"
	for i := range m.Recipients() {
		s += " " + formatChannel(m.Recipient(i))
	}
	return s + " : " + p.role.Codec.Describe(m.Type, m.Payload)
}

func parseChannel(s string) (uint64, error) {
	high, low, two := strings.Cut(s, "/")
	if !two {
		return strconv.ParseUint(s, 0, 64)
	}
	parent, err := strconv.ParseUint(high, 0, 32)
	if err != nil {
		return 0, err
	}
	if low == "*" {
		return md.ParentChannel(uint32(parent)), nil
	}
	zone, err := strconv.ParseUint(low, 0, 32)
	return md.LocationChannel(uint32(parent), uint32(zone)), err
}

func formatChannel(ch uint64) string {
	switch high, low := ch>>32, ch&(1<<32-1); high {
	case 0:
		return fmt.Sprint(low)
	case 1:
		return fmt.Sprintf("%d/*", low)
	default:
		return fmt.Sprintf("%d/%d", high, low)
	}
}
