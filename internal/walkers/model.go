package walkers

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// frame is how long a picture stands.
const frame = time.Second / 20

// model is the live picture in a terminal.
type model struct {
	party         Party
	until         time.Duration // ends then; 0: never by itself
	now           View
	width, height int
	err           error
}

type tick struct{}

func nextTick() tea.Cmd { return tea.Tick(frame, func(time.Time) tea.Msg { return tick{} }) }

// Init implements [tea.Model].
func (m model) Init() tea.Cmd { return nextTick() }

// Update implements [tea.Model].
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		}
	case tick:
		select {
		case m.err = <-m.party.Failed():
			return m, tea.Quit
		default:
		}
		m.now = m.party.View()
		if m.until > 0 && m.now.Elapsed >= m.until {
			return m, tea.Quit
		}
		return m, nextTick()
	}
	return m, nil
}

// View implements [tea.Model].
func (m model) View() tea.View {
	v := tea.NewView(draw(m.now, m.width, m.height))
	v.AltScreen = true
	v.WindowTitle = "culm demo"
	return v
}
