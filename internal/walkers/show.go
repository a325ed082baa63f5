package walkers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Show shows a party in a terminal until somebody quits, ctx is done, or the
// party is as old as until, unless that is 0. The terminal is then as it was.
func Show(ctx context.Context, p Party, until time.Duration, in, out *os.File) error {
	program := tea.NewProgram(model{party: p, until: until},
		tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	stop := context.AfterFunc(ctx, program.Quit)
	defer stop()
	last, err := program.Run()
	if m, ok := last.(model); ok {
		err = errors.Join(err, m.err)
	}
	return err
}

// Print writes what happens at a party as lines of text, until ctx is done or
// the party is as old as until, unless that is 0.
func Print(ctx context.Context, p Party, until time.Duration, out io.Writer) error {
	first := p.View()
	if until > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, until-first.Elapsed)
		defer cancel()
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	if _, err := fmt.Fprintln(out, first.Title); err != nil {
		return err
	}
	heard, told := 0, first.Elapsed-time.Second
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case err := <-p.Failed():
			return err
		case <-second.C:
		}
		v := p.View()
		news := v.Chat[max(0, len(v.Chat)-(v.Spoken-heard)):]
		heard = v.Spoken
		if err := printLines(out, news); err != nil {
			return err
		}
		if ended && v.Elapsed-told < time.Second/2 {
			break // the end came with a second, or soon after it
		}
		told = v.Elapsed
		if err := printView(out, v); err != nil {
			return err
		}
	}
	return nil
}

// printLines writes what was said.
func printLines(out io.Writer, lines []Line) error {
	for _, line := range lines {
		if _, err := fmt.Fprintf(out, "%5.1f s  %s: %s\n", line.At.Seconds(), line.Name, line.Text); err != nil {
			return err
		}
	}
	return nil
}

// printView writes a line about a view.
func printView(out io.Writer, v View) error {
	counts := v.inZones()
	_, err := fmt.Fprintf(out, "%5.1f s  %d walkers, %d on the meadow and %d in the forest; %s\n",
		v.Elapsed.Seconds(), v.present(), counts[Meadow], counts[Forest], strings.Join(v.Numbers, "; "))
	return err
}

// inZones counts the walkers by their zone.
func (v View) inZones() map[uint32]int {
	counts := map[uint32]int{}
	for _, w := range v.Walkers {
		counts[w.Zone]++
	}
	return counts
}

// present returns how many walkers are on the map.
func (v View) present() int {
	counts := v.inZones()
	return counts[Meadow] + counts[Forest]
}
