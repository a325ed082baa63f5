package landemo

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
)

// Sizes of the picture, in characters.
const (
	leastWidth  = 40 // below, there is no map
	leastHeight = 12
	listWidth   = 26 // of the list of walkers, which needs
	listFrom    = 66 // a picture as wide
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

// cell is one character of a picture.
type cell struct {
	char  rune
	style int // of canvas.styles
}

// canvas is a picture in the making. What does not fit is left out.
type canvas struct {
	width, height int
	cells         []cell
	styles        []lipgloss.Style // the first one is plain
}

func newCanvas(width, height int) *canvas {
	c := &canvas{width: width, height: height, cells: make([]cell, width*height), styles: []lipgloss.Style{lipgloss.NewStyle()}}
	for i := range c.cells {
		c.cells[i].char = ' '
	}
	return c
}

// style adds a style and returns its number.
func (c *canvas) style(s lipgloss.Style) int {
	c.styles = append(c.styles, s)
	return len(c.styles) - 1
}

// text writes from (x, y) to before the column end.
func (c *canvas) text(x, y, end, style int, s string) {
	if y < 0 || y >= c.height {
		return
	}
	for _, r := range s {
		if x >= min(end, c.width) {
			return
		}
		if x >= 0 {
			c.cells[y*c.width+x] = cell{r, style}
		}
		x++
	}
}

// blank tells whether there is nothing in n cells from (x, y).
func (c *canvas) blank(x, y, n int) bool {
	for i := range n {
		if x+i >= c.width || c.cells[y*c.width+x+i].char != ' ' {
			return false
		}
	}
	return true
}

// String returns the picture with its styles, line by line.
func (c *canvas) String() string {
	var b strings.Builder
	for y := range c.height {
		if y > 0 {
			b.WriteByte('\n')
		}
		line := c.cells[y*c.width : (y+1)*c.width]
		for x := 0; x < len(line); {
			var run []rune
			style := line[x].style
			for ; x < len(line) && line[x].style == style; x++ {
				run = append(run, line[x].char)
			}
			if style == 0 {
				b.WriteString(string(run))
			} else {
				b.WriteString(c.styles[style].Render(string(run)))
			}
		}
	}
	return b.String()
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
		c.text(0, 1, width, 0, fmt.Sprintf("%d walkers", len(v.Walkers)))
		c.text(0, 2, width, 0, numbers(v))
		c.text(0, 3, width, dim, "q quits; a larger window shows more")
		return c.String()
	}

	c.text(0, 0, width, strong, "culm demo")
	c.text(10, 0, width, 0, fmt.Sprintf("LAN server on %s, %d clients", v.Addr, len(v.Walkers)+1))
	chat := min(max(height/4, 3), 10)
	mapWidth, mapHeight := width, height-2-chat
	if width >= listFrom {
		mapWidth -= listWidth
		c.list(v, mapWidth+1, 1, 1+mapHeight, strong, dim, colors)
	}
	c.world(v, 1, mapWidth, mapHeight, dim, colors)
	for i, line := range v.Chat[max(0, len(v.Chat)-chat):] {
		c.text(1, 1+mapHeight+i, width, colors[line.Name], line.Name+":")
		c.text(3+len(line.Name), 1+mapHeight+i, width, 0, line.Text)
	}
	c.text(0, height-1, width, 0, numbers(v))
	const quit = "q quits"
	if free := width - len(quit); len([]rune(numbers(v))) < free {
		c.text(free, height-1, width, dim, quit)
	}
	return c.String()
}

// numbers says in a line how fast everything is.
func numbers(v View) string {
	return fmt.Sprintf("%.0f messages/s, latency p50 %s p99 %s", v.PerSecond, millis(v.P50), millis(v.P99))
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
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
	counts := map[uint32]int{}
	for _, w := range v.Walkers {
		counts[w.Zone]++
	}
	for zone, x := range map[uint32]int{meadow: 2, forest: middle + 2} {
		c.text(x, y, x+middle-3, dim, fmt.Sprintf(" zone %d: %s, %d ", zone, zoneName(zone), counts[zone]))
	}
	for _, w := range v.Walkers {
		// Each half has the columns between the frame and the middle.
		left, cols, x := 1, middle-1, w.X
		if w.X >= border {
			left, cols, x = middle+1, width-2-middle, w.X-border
		}
		px := left + min(int(x/border*float64(cols)), cols-1)
		py := y + 1 + min(int(w.Y/worldHeight*float64(innerH)), innerH-1)
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

// list draws who is where.
func (c *canvas) list(v View, x, y, end, strong, dim int, colors map[string]int) {
	c.text(x, y, c.width, strong, "who    where   sees")
	for i, w := range v.Walkers {
		if y+1+i >= end {
			break
		}
		c.text(x, y+1+i, c.width, colors[w.Name], w.Name)
		c.text(x+7, y+1+i, c.width, 0, fmt.Sprintf("%-7s %d others", zoneName(w.Zone), w.Sees))
	}
}
