package astronbots

import (
	"testing"

	"github.com/culm-net/culm/dc"
)

// deaf hears everything and makes nothing of it.
type deaf struct{ values int }

func (d *deaf) entered(_ *session, _, _, _ uint32, class *dc.Class, _ bool, value func(*dc.Field) []byte) {
	for _, f := range class.Fields() {
		if packed := value(f); packed != nil {
			d.values++
			if err := f.Check(packed); err != nil {
				panic(err)
			}
		}
	}
}
func (*deaf) updated(*session, uint32, uint16, []byte) {}
func (*deaf) left(*session, uint32, bool)              {}
func (*deaf) interestDone(*session, uint32)            {}
func (*deaf) misread(*session, error)                  {}
func (*deaf) closed(*session, error)                   {}
func (*deaf) batch(_ *session, received func())        { received() }

func newSession(t testing.TB) (*session, *deaf) {
	schema, err := dc.Parse(dc.Source{Name: "walkers.dc", Text: []byte(walkers)})
	if err != nil {
		t.Fatal(err)
	}
	d := new(deaf)
	return &session{schema: schema, listener: d, greeted: make(chan struct{}), done: make(chan struct{})}, d
}

// What an object has is read: required fields by their order, others by number.
func TestReceiveValues(t *testing.T) {
	for name, test := range map[string]struct {
		m      []byte
		values int
		ok     bool
	}{
		"required":        {append(message(clientEnterObject, 7, 8, 9), 1, 0, 1, 0, 2, 0, 3, 0, 0, 0), 1, true},
		"others":          {append(message(clientEnterObjectOther, 7, 8, 9), 2, 0, 1, 0, 3, 0, 9), 1, true},
		"too short":       {append(message(clientEnterObject, 7, 8, 9), 1, 0, 1, 0, 2, 0, 3, 0, 0), 0, false},
		"too long":        {append(message(clientEnterObject, 7, 8, 9), 1, 0, 1, 0, 2, 0, 3, 0, 0, 0, 0), 0, false},
		"unknown class":   {append(message(clientEnterObject, 7, 8, 9), 9, 0), 0, false},
		"unknown field":   {append(message(clientEnterObjectOther, 7, 8, 9), 2, 0, 1, 0, 77, 0, 9), 0, false},
		"short location":  {message(clientLeaving), 0, false},
		"unknown message": {message(9999), 0, false},
	} {
		s, d := newSession(t)
		if err := s.receive(test.m); (err == nil) != test.ok || d.values != test.values {
			t.Errorf("%s: %v, %d values", name, err, d.values)
		}
	}
}

// No message of a server breaks a client.
func FuzzReceive(f *testing.F) {
	f.Add(message(clientHelloResp))
	f.Add(append(message(clientEject), 1, 0, 3, 0, 'n', 'o', '!'))
	f.Add(append(message(clientSetField, 7), 3, 0, 1, 2, 3))
	f.Add(message(clientLeaving, 7))
	f.Add(append(message(clientEnterObject, 7, 8, 9), 1, 0, 1, 0, 2, 0, 3, 0, 0, 0))
	f.Add(append(message(clientEnterObjectOtherOwner, 7, 8, 9), 2, 0, 0, 0, 1, 0, 3, 0, 9))
	f.Add(append(message(clientDoneInterest, 1), 1, 0))
	all, d := newSession(f)
	f.Fuzz(func(t *testing.T, m []byte) {
		s := &session{schema: all.schema, listener: d, greeted: make(chan struct{})}
		if err := s.receive(m); err == nil && len(m) < 2 {
			t.Error("a message without a type is taken")
		}
	})
}
