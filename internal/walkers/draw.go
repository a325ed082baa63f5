package walkers

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
)

// Sizes of the picture, in characters.
const (
	leastWidth  = 40 // below, there is no map
	leastHeight = 12
	listFrom    = 66 // the list needs a picture as wide
	nameWidth   = 7  // of the names in it
)

var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
)

// colorOf returns the style of the walker with that place in the list: the six
// colours that every terminal has.
func colorOf(i int) lipgloss.Style {
	return lipgloss.NewStyle().Foreground(lipgloss.ANSIColor(1 + i%6))
}

// draw returns the picture of a view, of exactly that size.
func draw(v View, width, height int) string {
	if width <= 0 || height <= 0 {
		return ""
	}
	c := newCanvas(width, height)
	strong, dim := c.style(bold), c.style(faint)
	colors := make(map[string]int, len(v.Walkers))
	for i, w := range v.Walkers {
		colors[w.Name] = c.style(colorOf(i))
	}
	if width < leastWidth || height < leastHeight {
		c.text(0, 0, width, strong, "culm demo")
		c.text(0, 1, width, 0, fmt.Sprintf("%d walkers", v.present()))
		for i, line := range v.Numbers {
			c.text(0, 2+i, width, 0, line)
		}
		c.text(0, 2+len(v.Numbers), width, dim, "q quits; a larger window shows more")
		return c.String()
	}

	c.text(0, 0, width, strong, "culm demo")
	c.text(11, 0, width, 0, v.Title)
	chat := min(max(height/4, 3), 10)
	mapWidth, mapHeight := width, height-1-len(v.Numbers)-chat
	if width >= listFrom {
		mapWidth -= 2 + nameWidth + lipgloss.Width(v.Columns)
		c.list(v, mapWidth+1, 1, 1+mapHeight, strong, colors)
	}
	c.world(v, 1, mapWidth, mapHeight, dim, colors)
	for i, line := range v.Chat[max(0, len(v.Chat)-chat):] {
		c.text(1, 1+mapHeight+i, width, colors[line.Name], line.Name+":")
		c.text(3+len(line.Name), 1+mapHeight+i, width, 0, line.Text)
	}
	for i, line := range v.Numbers {
		c.text(0, height-len(v.Numbers)+i, width, 0, line)
	}
	const quit = "q quits"
	if free := width - len(quit); c.blank(free-1, height-1, len(quit)+1) {
		c.text(free, height-1, width, dim, quit)
	}
	return c.String()
}

// world draws the map, in a frame.
func (c *canvas) world(v View, y, width, height, dim int, colors map[string]int) {
	innerW, innerH := width-2, height-2
	middle := 1 + innerW/2
	row := func(y int, left, line, mid, right string) {
		c.text(0, y, width, dim, left+strings.Repeat(line, innerW)+right)
		c.text(middle, y, width, dim, mid)
	}
	row(y, "┌", "─", "┬", "┐")
	for i := range innerH {
		row(y+1+i, "│", " ", "│", "│")
	}
	row(y+height-1, "└", "─", "┴", "┘")
	counts := v.inZones()
	for zone, x := range map[uint32]int{Meadow: 2, Forest: middle + 2} {
		c.text(x, y, x+middle-3, dim, fmt.Sprintf(" zone %d: %s, %d ", zone, ZoneName(zone), counts[zone]))
	}
	for _, w := range v.Walkers {
		if w.Zone == 0 {
			continue
		}
		// Each half has the columns between the frame and the middle.
		left, cols, x := 1, middle-1, w.X
		if w.X >= Border {
			left, cols, x = middle+1, width-2-middle, w.X-Border
		}
		px := left + min(int(x/Border*float64(cols)), cols-1)
		py := y + 1 + min(int(w.Y/Height*float64(innerH)), innerH-1)
		px = max(left, min(px, left+cols-len(w.Name)))
		for _, dy := range []int{0, 1, -1, 2, -2} { // names make way for each other
			if py+dy > y && py+dy <= y+innerH && c.blank(px, py+dy, len(w.Name)) {
				py += dy
				break
			}
		}
		c.text(px, py, left+cols, colors[w.Name], w.Name)
	}
}

// list draws who there is and what is noted about them.
func (c *canvas) list(v View, x, y, end, strong int, colors map[string]int) {
	c.text(x, y, c.width, strong, "who")
	c.text(x+nameWidth, y, c.width, strong, v.Columns)
	for i, w := range v.Walkers {
		if y+1+i >= end {
			break
		}
		c.text(x, y+1+i, c.width, colors[w.Name], w.Name)
		c.text(x+nameWidth, y+1+i, c.width, 0, w.Note)
	}
}
