// Package cluster_test plays the example as its README says.
package cluster_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/dc"
)

// begin runs a program until the test ends, or until it is killed.
func begin(t *testing.T, program string, args ...string) (cmd *exec.Cmd, stderr io.Reader, kill func()) {
	t.Helper()
	cmd = exec.Command(program, args...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill() // kill -9
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	return cmd, stderr, kill
}

// serve runs the server on ports that are free, and returns the addresses of its
// roles.
func serve(t *testing.T, programs string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("culm.yml")
	if err != nil {
		t.Fatal(err)
	}
	game, err := filepath.Abs("game.dc")
	if err != nil {
		t.Fatal(err)
	}
	free := strings.NewReplacer("127.0.0.1:7199", "127.0.0.1:0", "0.0.0.0:7198", "127.0.0.1:0", "game.dc", "'"+game+"'")
	config := filepath.Join(t.TempDir(), "culm.yml")
	if err := os.WriteFile(config, []byte(free.Replace(string(text))), 0o666); err != nil {
		t.Fatal(err)
	}
	_, stderr, _ := begin(t, filepath.Join(programs, "culm"), "serve", config)
	addr := make(map[string]string)
	lines := bufio.NewScanner(stderr)
	serving := regexp.MustCompile(`role=(\w+) addr=(\S+)`)
	for len(addr) < 2 && lines.Scan() {
		if found := serving.FindStringSubmatch(lines.Text()); found != nil {
			addr[found[1]] = found[2]
		}
	}
	if len(addr) < 2 {
		t.Fatalf("the server does not say where it serves: %v", lines.Err())
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return addr
}

// watcher tells which avatars there are.
type watcher struct{ come, gone chan uint32 }

func (w watcher) enter(o *ai.Object) any {
	w.come <- o.ID()
	return w
}

func (w watcher) Delete(o *ai.Object) { w.gone <- o.ID() }

// All parts together: bots see no fault; what the district has made goes when the
// district is killed, and comes again with it.
func TestCluster(t *testing.T) {
	programs := t.TempDir()
	build := exec.Command("go", "build", "-o", programs+"/", "../../cmd/culm", "./login", "./district")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	addr := serve(t, programs)
	md := addr["messagedirector"]
	_, stderr, _ := begin(t, filepath.Join(programs, "login"), "-connect", md)
	// Bots that come before it would wait in vain.
	for lines := bufio.NewScanner(stderr); !strings.Contains(lines.Text(), "upstream link opened"); {
		if !lines.Scan() {
			t.Fatalf("the UberDOG has no link: %v", lines.Err())
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()

	schema, err := dc.ParseFiles("game.dc")
	if err != nil {
		t.Fatal(err)
	}
	a, err := ai.New(ai.Config{Schema: schema, Address: md, Channel: 5_000_000, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	const wanderers = 10
	for range 2 {
		_, _, kill := begin(t, filepath.Join(programs, "district"), "-connect", md)
		// The watcher's place is the district, which comes at some time.
		w := watcher{make(chan uint32, 1000), make(chan uint32, 1000)}
		var interest *ai.Interest
		a.Do(func() { interest = a.Watch(3_000_001, []uint32{1}, w.enter, nil) })
		for range wanderers {
			<-w.come
		}

		for tries := 0; ; tries++ {
			bots := exec.Command(filepath.Join(programs, "culm"), "bots", "astron", addr["clientagent"], "game.dc",
				"--guests", "--login", "4665=Login.login", "--clients", "8", "--for", "500ms")
			out, err := bots.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("faults          none")) {
				t.Fatalf("%v\n%s", err, out)
			}
			for range 8 { // theirs go with them
				<-w.come
				<-w.gone
			}
			if !bytes.Contains(out, []byte("deliveries      0,")) {
				break
			}
			if tries == 10 { // a busy machine may have no time for any, but not always
				t.Fatalf("nothing is delivered:\n%s", out)
			}
		}

		kill()
		for range wanderers {
			<-w.gone
		}
		a.Do(interest.Close)
	}
}
