package loglimit

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := NewLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		})), 10*time.Second, 4)

		l.Log(slog.LevelDebug, "bad", "not enabled, and does not silence the key")
		for range 1000 {
			l.Log(slog.LevelWarn, "bad", "bad datagram", slog.String("client", "127.0.0.1:1"))
		}
		time.Sleep(10 * time.Second) // of the test's clock
		l.Log(slog.LevelWarn, "bad", "bad datagram", slog.String("client", "127.0.0.1:2"))
		l.Log(slog.LevelWarn, "bad", "bad datagram")
		l.Flush()
		l.Flush()

		want := `level=WARN msg="bad datagram" client=127.0.0.1:1
level=WARN msg="bad datagram" client=127.0.0.1:2 left_out=999
level=INFO msg="log messages were left out" key=bad left_out=1
`
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
	})
}
