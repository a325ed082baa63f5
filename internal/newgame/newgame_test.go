package newgame

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T) (dir string, names []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "game")
	names, err := Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, names
}

func TestWrite(t *testing.T) {
	dir, names := write(t)
	if want := []string{"README.md", "ai/main.go", "bot/client.go", "bot/main.go", "culm.yml", "game.dc", "go.mod"}; !slices.Equal(names, want) {
		t.Errorf("it wrote %v", names)
	}
	if _, err := Write(dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("into a folder with files: %v", err)
	}
	if got := goMod("v1.2.3"); !strings.Contains(got, "require github.com/culm-net/culm v1.2.3\n") {
		t.Errorf("go.mod is %s", got)
	}
}

// What was written runs: the server, the AI, and a bot that sees the AI's robot.
func TestRuns(t *testing.T) {
	dir, _ := write(t)
	programs := t.TempDir()
	goBuild(t, ".", "-o", programs+"/", "./template/...")

	// The configuration with ports that are free.
	path := filepath.Join(dir, "culm.yml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	free := strings.NewReplacer("127.0.0.1:7199", "127.0.0.1:0", "0.0.0.0:7198", "127.0.0.1:0", "127.0.0.1:7197", "127.0.0.1:0", "  eventlogger: 127.0.0.1\n", "")
	config, err := cluster.Parse(path, []byte(free.Replace(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Warnings) > 0 {
		t.Error(config.Warnings)
	}
	schema, err := dc.ParseFiles(config.General.DCFiles...)
	if err != nil {
		t.Fatal(err)
	}
	if err := config.CheckSchema(schema); err != nil {
		t.Error(err)
	}
	config.Daemon.DrainGrace = 0
	server, err := cluster.New(config, schema, time.Second, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	defer serving.Wait()
	defer cancel()
	addr := make(map[string]string)
	for _, p := range server.Parts() {
		for _, a := range p.Addrs {
			addr[p.Name] = a.String()
		}
	}

	begin(t, dir, filepath.Join(programs, "ai"), "-connect", addr["messagedirector"])
	out := begin(t, dir, filepath.Join(programs, "bot"), "-connect", addr["clientagent"], "-name", "Ann")
	lines := bufio.NewScanner(out)
	missing := map[string]bool{"Ann has the avatar": true, "Ann sees Avatar [Robot]": true, "Ann hears accepted": true}
	for len(missing) > 0 && lines.Scan() {
		for want := range missing {
			if strings.HasPrefix(lines.Text(), want) {
				delete(missing, want)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("the bot does not say %v", missing)
	}
}

// What was written builds as a module of its own.
func TestBuilds(t *testing.T) {
	dir, _ := write(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o666); err != nil {
		t.Fatal(err)
	}
	module := "module game\n\ngo 1.26.0\n\nrequire github.com/culm-net/culm v0.0.0\n\nreplace github.com/culm-net/culm => " + root + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o666); err != nil {
		t.Fatal(err)
	}
	goBuild(t, dir, "-mod=mod", "-o", t.TempDir()+"/", "./...")
}

func goBuild(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"build"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// begin runs a program until the test ends.
func begin(t *testing.T, dir, program string, args ...string) io.Reader {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return out
}
