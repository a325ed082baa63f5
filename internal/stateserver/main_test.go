package stateserver_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/stateserver"
	"github.com/culm-net/culm/transport/tcp"
)

// With CULM_SS_BIND the test binary is a message director that listens there,
// with a state server of the classes in CULM_SS_DC and the control channel
// CULM_SS_CONTROL: for measurements from another process.
func TestMain(m *testing.M) {
	if bind := os.Getenv("CULM_SS_BIND"); bind != "" {
		if err := serve(bind, os.Getenv("CULM_SS_DC"), os.Getenv("CULM_SS_CONTROL")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func serve(bind, file, channel string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	schema, err := dc.ParseFiles(file)
	if err != nil {
		return err
	}
	ch, err := strconv.ParseUint(channel, 10, 64)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	director := messagedirector.New(messagedirector.Limits{})
	if _, err := stateserver.New(director, stateserver.Config{Control: ch, Schema: schema, Log: log}); err != nil {
		return err
	}
	l, err := tcp.Listen(bind, tcp.Config{SendQueue: messagedirector.DefaultSendQueue, Pace: -1})
	if err != nil {
		return err
	}
	return messagedirector.NewServer(director, messagedirector.ServerConfig{Log: log}).Serve(ctx, l)
}

// control is the control channel of the state servers here.
const control = 402000

// game returns the classes that most tests use.
func game(t testing.TB) *dc.Schema {
	t.Helper()
	s, err := dc.ParseFiles("testdata/game.dc")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// limits reads the limits among settings.
func limits(t testing.TB, settings map[string]string) (l stateserver.Limits) {
	for name, value := range settings {
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		switch name {
		case "objects":
			l.Objects = n
		case "children":
			l.Children = n
		default:
			t.Fatalf("no setting %s", name)
		}
	}
	return l
}
