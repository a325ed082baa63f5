package walkers

import (
	"strings"

	"charm.land/lipgloss/v2"
)

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
