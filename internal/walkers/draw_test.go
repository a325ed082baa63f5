package walkers

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

func someView() View {
	v := View{Title: "LAN server on 127.0.0.1:4400, 13 clients", Columns: "where   sees    ",
		Numbers: []string{"1649 messages/s", "latency p50 2.6 ms"}}
	for i, name := range Names {
		at := Point{float64(i) * Width / 11, float64(i) * Height / 11}
		v.Walkers = append(v.Walkers, Walker{Name: name, Point: at, Zone: ZoneOf(at), Note: fmt.Sprintf("note %d", i)})
	}
	for i := range 30 {
		v.Chat = append(v.Chat, Line{Name: Names[i%12], Text: fmt.Sprintf("line %d, %s", i, strings.Repeat("x", 40))})
	}
	return v
}

var styles = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Whatever the size of the window, the picture has exactly that size.
func TestDrawFits(t *testing.T) {
	for width := range 130 {
		for _, height := range []int{0, 1, 3, 4, 11, 12, 13, 24, 40} {
			picture := draw(someView(), width, height)
			if width == 0 || height == 0 {
				if picture != "" {
					t.Fatalf("%d×%d: something is drawn", width, height)
				}
				continue
			}
			lines := strings.Split(picture, "\n")
			if len(lines) != height {
				t.Fatalf("%d×%d: %d lines", width, height, len(lines))
			}
			for _, line := range lines {
				if w := lipgloss.Width(line); w != width {
					t.Fatalf("%d×%d: a line is %d wide: %q", width, height, w, line)
				}
			}
		}
	}
}

func TestDrawShows(t *testing.T) {
	picture := styles.ReplaceAllString(draw(someView(), 80, 24), "")
	for _, want := range []string{"culm demo  LAN server on 127.0.0.1:4400, 13 clients", "zone 1: meadow, 6", "zone 2: forest, 6", "1649 messages/s ", "latency p50 2.6 ms ",
		"who    where   sees", "Anna   note 0", "Lou    note 11", "line 29", "q quits"} {
		if !strings.Contains(picture, want) {
			t.Errorf("%q is missing", want)
		}
	}
	onMap := picture[:strings.Index(picture, "line 24")]
	for _, name := range Names {
		if strings.Count(onMap, name) < 2 { // in the list and on the map
			t.Errorf("%s is not on the map", name)
		}
	}
	if t.Failed() {
		t.Log("\n" + picture)
	}
}

// stage is a party without a world.
type stage struct {
	view   View
	failed chan error
}

func (s *stage) View() View           { return s.view }
func (s *stage) Failed() <-chan error { return s.failed }

// Who is not there is in the list only, and does not count.
func TestDrawAbsent(t *testing.T) {
	v := someView()
	v.Walkers[3].Zone, v.Walkers[3].Note = 0, "connecting"
	picture := styles.ReplaceAllString(draw(v, 80, 24), "")
	for _, want := range []string{"Dora   connecting", "zone 1: meadow, 5"} {
		if !strings.Contains(picture, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if n := strings.Count(picture[:strings.Index(picture, "line 24")], "Dora"); n != 1 {
		t.Errorf("Dora is there %d times", n)
	}
	if small := draw(v, 30, 8); !strings.Contains(small, "11 walkers") {
		t.Errorf("the small picture is %q", small)
	}
	if t.Failed() {
		t.Log("\n" + picture)
	}
}

func TestModelEnds(t *testing.T) {
	old := &stage{View{Elapsed: 5 * time.Second}, make(chan error, 1)}
	quits := func(m model, msg tea.Msg) (model, bool) {
		next, cmd := m.Update(msg)
		if cmd == nil {
			return next.(model), false
		}
		if _, ok := msg.(tick); ok && next.(model).err == nil && (m.until == 0 || m.until > old.view.Elapsed) {
			return next.(model), false // the next tick
		}
		_, ok := cmd().(tea.QuitMsg)
		return next.(model), ok
	}
	m := model{party: old}
	for _, key := range []tea.KeyPressMsg{{Code: 'q', Text: "q"}, {Code: 'c', Mod: tea.ModCtrl}, {Code: tea.KeyEscape}} {
		if _, quit := quits(m, key); !quit {
			t.Errorf("%s does not quit", key)
		}
	}
	if _, quit := quits(m, tea.KeyPressMsg{Code: 'x', Text: "x"}); quit {
		t.Error("x quits")
	}
	if _, quit := quits(m, tick{}); quit {
		t.Error("ends without a reason")
	}
	m.until = 5 * time.Second
	if _, quit := quits(m, tick{}); !quit {
		t.Error("does not end when the time is over")
	}
	m.until = 0
	old.failed <- errors.New("the server is gone")
	if last, quit := quits(m, tick{}); !quit || last.err == nil {
		t.Error("does not end when the party fails")
	}
	next, _ := m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	if v := next.View(); !v.AltScreen || len(strings.Split(v.Content, "\n")) != 24 {
		t.Error("the picture is not of the window's size")
	}
}
