package chat

import (
	"bufio"
	"context"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is one of the example's programs that runs.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  chan struct{} // closed when it has ended
	read  chan struct{} // closed when all that it wrote has been read

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed when there are more, or none will come
	ended bool
}

// build builds the server and the client and returns their directory.
func build(t *testing.T) string {
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot interrupt a process; play the example by hand, as README.md says")
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./server", "./client").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// start starts a program, which is interrupted at the end of the test.
func start(t *testing.T, path string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(path, args...), done: make(chan struct{}), read: make(chan struct{}), more: make(chan struct{})}
	out, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // its exit code is looked at
		_ = w.Close()
	}()
	go func() {
		defer close(p.read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.add(lines.Text(), false)
		}
		p.add("(the end)", true)
	}()
	t.Cleanup(func() {
		p.interrupt()
		p.exit()
		if t.Failed() {
			t.Logf("%s %v:\n%s", path, args, strings.Join(p.lines[max(0, len(p.lines)-30):], "\n"))
		}
	})
	return p
}

func (p *program) add(line string, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	p.ended = last
	close(p.more)
	p.more = make(chan struct{})
}

func (p *program) interrupt() { _ = p.cmd.Process.Signal(os.Interrupt) }

// exit waits until the program has ended and returns its status.
func (p *program) exit() int {
	<-p.done
	<-p.read
	return p.cmd.ProcessState.ExitCode()
}

// sees waits for a line, of all that were or will be written, and returns what
// the expression's groups match.
func (p *program) sees(expression string) []string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	want := regexp.MustCompile(expression)
	for {
		p.mu.Lock()
		lines, more, ended := p.lines, p.more, p.ended
		p.mu.Unlock()
		for _, line := range lines {
			if m := want.FindStringSubmatch(line); m != nil {
				return m[1:]
			}
		}
		if ended {
			p.t.Fatalf("ended without a line %q", expression)
		}
		select {
		case <-more:
		case <-ctx.Done():
			p.t.Fatalf("no line %q within a minute", expression)
		}
	}
}

func TestChat(t *testing.T) {
	dir := build(t)
	server, client := filepath.Join(dir, "server"), filepath.Join(dir, "client")
	t.Run("in three terminals", func(t *testing.T) { play(t, server, client) })
	t.Run("the server is killed", func(t *testing.T) { kill(t, server, client) })
}

// play is the whole example, as somebody plays it.
func play(t *testing.T, serverPath, clientPath string) {
	t.Setenv("CULM_PIPES_PASSWORD", "open sesame")
	server := start(t, serverPath, "-pipes-port", "0", "-pipes-max-clients", "2")
	command := server.sees(`^    go run ./examples/chat/client (.*)$`)[0] // as one copies it
	args := strings.Fields(command)

	anna := start(t, clientPath, append(args, "-name", "Anna")...)
	anna.sees(`^connected$`)
	anna.sees(`^Panda is here$`)
	anna.sees(`^Panda: Welcome, Anna!$`)
	anna.sees(`^Anna: Hello, I am Anna\.$`)
	bert := start(t, clientPath, append(args, "-name", "Bert")...)
	bert.sees(`^Anna is here$`)
	anna.sees(`^Bert is here$`)
	if _, err := io.WriteString(bert.stdin, "What a day!\n"); err != nil {
		t.Fatal(err)
	}
	anna.sees(`^Bert: What a day!$`)
	server.sees(`^Bert: What a day!$`)
	// Nobody writes escape codes to others' terminals.
	if _, err := io.WriteString(bert.stdin, "\x1b[2Jgone\n"); err != nil {
		t.Fatal(err)
	}
	anna.sees(`^Bert: \x{FFFD}\[2Jgone$`)
	server.sees(`^Bert: \x{FFFD}\[2Jgone$`)

	// The panda stays on its way, also between snapshots, and goes on.
	first := anna.sees(`Panda (\(.*?\)).* Bert`)[0]
	for _, text := range []string{first, anna.sees(`Panda (\([^` + first[1:2] + `].*?\)).* Bert`)[0]} {
		x, y, _ := strings.Cut(strings.Trim(text, "()"), ", ")
		px, errX := strconv.ParseFloat(x, 64)
		py, errY := strconv.ParseFloat(y, 64)
		if r := math.Hypot(px, py); errX != nil || errY != nil || r < 3.9 || r > 4.05 {
			t.Errorf("the panda is at %s, %v from the middle", text, r)
		}
	}

	// A third one is told that there is no room, and goes on trying.
	cleo := start(t, clientPath, append(args, "-name", "Cleo")...)
	cleo.sees(`^no connection: .*full.*trying again`)
	bert.interrupt()
	anna.sees(`^Bert is gone$`)
	server.sees(`^Bert has left: said goodbye$`)
	if status := bert.exit(); status != 0 {
		t.Errorf("interrupted, Bert's status is %d", status)
	}
	cleo.sees(`^Panda: Welcome, Cleo!$`)
	anna.sees(`^Cleo is here$`)
	cleo.interrupt()
	anna.sees(`^Cleo is gone$`)

	// Who will never be let in is told why, and ends.
	for name, c := range map[string]struct{ args, want string }{
		"password":    {command + " -pipes-password sesame", "wrong password"},
		"fingerprint": {args[0] + " " + args[1] + " -fingerprint " + strings.Repeat("0", 64), "not the pinned one"},
		"server":      {"-server 192.0.2.1:27016", "-fingerprint is missing"},
		"name":        {"-name " + strings.Repeat("x", 21), "-name: .* 21 "},
		"argument":    {"127.0.0.1:27016", "is no flag"},
		"setting":     {"-pipes-updaterate 2000", "must be from 1 to 1000"},
	} {
		p := start(t, clientPath, strings.Fields(c.args)...)
		p.sees(c.want)
		if status := p.exit(); status == 0 {
			t.Errorf("wrong %s: status %d", name, status)
		}
		for _, line := range p.lines {
			if strings.Contains(line, "open sesame") {
				t.Errorf("wrong %s: the password is told: %s", name, line)
			}
		}
	}

	server.interrupt()
	anna.sees(`^no connection: .*trying again`)
	if status := server.exit(); status != 0 {
		t.Errorf("interrupted, the server's status is %d", status)
	}
}

// kill shows that a server that is killed says nothing, and that a new one in its
// place is found. On the own machine no fingerprint is needed.
func kill(t *testing.T, serverPath, clientPath string) {
	server := start(t, serverPath, "-pipes-port", "0")
	port := server.sees(`-server 127.0.0.1:(\d+) `)[0]
	anna := start(t, clientPath, "-pipes-port", port, "-name", "Anna", "-pipes-ping-interval", "0.05")
	anna.sees(`^Panda: Welcome, Anna!$`)
	if err := server.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	anna.sees(`^no connection: .*trying again`)
	server.exit()
	for heard := ""; heard == ""; { // somebody else may have got the port for a moment
		server = start(t, serverPath, "-pipes-port", port)
		heard = server.sees(`^(Anna: Hello, I am Anna\.)$|address already in use`)[0]
	}
}
