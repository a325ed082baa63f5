package messagedirector_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"sync"
	"testing"

	"github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"go.uber.org/goleak"
)

// With CULM_MD_BIND the test binary is a message director that listens there,
// and whose director above is at CULM_MD_CONNECT, if set: for tests and
// measurements that need another process.
func TestMain(m *testing.M) {
	if bind := os.Getenv("CULM_MD_BIND"); bind != "" {
		if err := direct(bind, os.Getenv("CULM_MD_CONNECT")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func direct(bind, connect string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if addr := os.Getenv("CULM_MD_PPROF"); addr != "" {
		go func() { _ = http.ListenAndServe(addr, nil) }()
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	wires := tcp.Config{SendQueue: messagedirector.DefaultSendQueue, Pace: -1}
	l, err := tcp.Listen(bind, wires)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	d := messagedirector.New(messagedirector.Limits{})
	s := messagedirector.NewServer(d, messagedirector.ServerConfig{Log: log})
	var running sync.WaitGroup
	if connect != "" {
		up := messagedirector.NewUplink(d, messagedirector.UplinkConfig{
			Log: log,
			Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
				return tcp.Dial(ctx, connect, wires, h)
			},
		})
		running.Go(func() { _ = up.Run(ctx) })
	}
	err = s.Serve(ctx, l)
	running.Wait()
	return err
}
