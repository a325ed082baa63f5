package lanbots

import (
	"bytes"
	"os/exec"
	"testing"
	"time"

	"github.com/culm-net/culm/lan"
)

// onLine calls f when a line of progress with that text is written.
type onLine struct {
	text string
	f    func()
}

func (w onLine) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(w.text)) {
		w.f()
	}
	return len(line), nil
}

// A server whose process ends costs the bots what they measure of it, and not
// what they have seen.
func TestServerProcessEnds(t *testing.T) {
	schema := parse(t, walkers)
	for text, c := range map[string]Config{
		"2 clients connected": {Rate: 100},
		"clients walk":        {Rate: 100},
		"the server has":      {Idle: true},
	} {
		process := exec.Command("cat")
		stdin, err := process.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		end := func() {
			_ = stdin.Close()
			_ = process.Wait()
		}
		c.Schema, c.Clients, c.Zones, c.For = schema, 2, 1, 100*time.Millisecond
		c.Dial = serve(t, schema, lan.Config{MessageRate: -1})
		c.ServerPID, c.Progress = process.Process.Pid, onLine{text, end}
		s, err := Run(t.Context(), c)
		if err != nil {
			t.Errorf("it ends at %q: %v", text, err)
		} else if process.ProcessState == nil || s.Seconds == 0 || s.ServerCPUSeconds != 0 {
			t.Errorf("it ends at %q: %v, %+v", text, process.ProcessState, s)
		}
	}
}
