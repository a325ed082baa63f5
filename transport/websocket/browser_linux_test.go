package websocket

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/transporttest"
)

// browser looks for Chromium under the names that it is packaged by.
func browser(t *testing.T) string {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no browser; install one (Debian: apt-get install chromium-headless-shell) and run this test again")
	return ""
}

// show opens a page, and closes the browser at the end of the test.
func show(t *testing.T, url string) {
	path := browser(t)
	// Not t.TempDir, which is an error where a process that was killed is about to
	// leave one more file.
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--ignore-certificate-errors",
		"--remote-debugging-port=0", // or it would leave as soon as the page is loaded
		"--user-data-dir="+dir, url)
	// A group of its own, for it starts others; a file and not a pipe, for
	// these might hold that open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	says, err := os.Create(t.TempDir() + "/says")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = says, says
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = says.Close()
		for tries := 0; os.RemoveAll(dir) != nil && tries < 100; tries++ {
			time.Sleep(10 * time.Millisecond)
		}
		if b, err := os.ReadFile(says.Name()); err == nil && t.Failed() {
			t.Logf("the browser says:\n%s", b)
		}
	})
}

// page connects to each of the URLs in turn, posts what it saw, and is left
// while it is connected.
const page = `<!doctype html><title>WebSocket</title><script>
const play = url => new Promise(done => {
	const saw = {url, messages: []};
	const ws = new WebSocket(url);
	ws.binaryType = "arraybuffer";
	ws.onopen = () => {
		saw.extensions = ws.extensions;
		ws.send(new Uint8Array([1, 0, 255]));
		ws.send(new Uint8Array(0));
		ws.send(new Uint8Array(60000).fill(7));
		ws.send(new TextEncoder().encode("end"));
	};
	ws.onmessage = e => {
		const b = new Uint8Array(e.data);
		saw.messages.push(b.length > 10 ? b.length + " bytes" : b.join(" "));
	};
	ws.onclose = e => { saw.code = e.code; saw.reason = e.reason; done(saw); };
});
(async () => {
	const saw = [];
	for (const url of URLS) saw.push(await play(url));
	await fetch("/saw", {method: "POST", body: JSON.stringify(saw)});
	new WebSocket(URLS[0]).onopen = () => location.replace("about:blank");
})();
</script>`

// player echoes, and closes with a code when the page says "end".
type player struct{ *collect }

func (h player) Received(c transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		if string(m) == "end" {
			c.Flush()
			c.Close(1234, "played enough – bye")
			return
		}
		_ = c.Send(transport.Message{Data: m})
	}
	c.Flush()
}

// A page in a real browser plays with a server: over a handler that is mounted
// beside the page, over a TLS listener of its own that lets the page's host in,
// and not over one that does not.
func TestBrowser(t *testing.T) {
	h := player{newCollect(10)}
	handler, err := NewHandler(Config{}, h)
	if err != nil {
		t.Fatal(err)
	}
	pair, _ := transporttest.Certificate(t, t.Name())
	secure := serve(t, Config{
		TLS:     &tls.Config{Certificates: []tls.Certificate{pair}},
		Path:    "/play",
		Origins: []string{"localhost:*"},
	}, h)
	closed := serve(t, Config{Origins: []string{"game.example"}}, h)

	type sight struct {
		URL, Reason, Extensions string
		Messages                []string
		Code                    int
	}
	saw := make(chan []sight, 1)
	var urls string
	mux := http.NewServeMux()
	mux.Handle("GET /play", handler)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, strings.ReplaceAll(page, "URLS", urls))
	})
	mux.HandleFunc("POST /saw", func(_ http.ResponseWriter, r *http.Request) {
		var s []sight
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			t.Error(err)
		}
		saw <- s
	})
	s := httptest.NewUnstartedServer(mux)
	host := strings.Replace(s.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	plain := "ws://" + host + "/play"
	urls = fmt.Sprintf("[%q, %q, %q]", plain, "wss://"+secure.Addr().String()+"/play", "ws://"+closed.Addr().String()+"/")
	s.Start()
	defer s.Close()
	show(t, "http://"+host+"/")

	var got []sight
	select {
	case got = <-saw:
	case <-time.After(3 * time.Minute): // starting it takes some machines half of one
		t.Fatal("the page saw nothing")
	}
	if len(got) != 3 {
		t.Fatalf("the page saw %+v", got)
	}
	for _, s := range got[:2] {
		if want := []string{"1 0 255", "", "60000 bytes"}; !slices.Equal(s.Messages, want) {
			t.Errorf("%s: the page received %q", s.URL, s.Messages)
		}
		if s.Code != 4234 || s.Reason != "played enough – bye" || s.Extensions != "" {
			t.Errorf("%s: the page was closed with %d %q, extensions %q", s.URL, s.Code, s.Reason, s.Extensions)
		}
		if c := next(t, h.opened); c.Identity().Secure != strings.HasPrefix(s.URL, "wss:") {
			t.Errorf("%s: %+v", s.URL, c.Identity())
		}
		if why := next(t, h.closed); why.Remote || why.Code != 1234 {
			t.Errorf("%s: Closed is told %v", s.URL, why)
		}
	}
	// 1006 is what a browser says of a connection that was not let in.
	if s := got[2]; s.Code != 1006 || len(s.Messages) > 0 {
		t.Errorf("%s: the page saw %+v", s.URL, s)
	}

	// The user has gone to another page.
	next(t, h.opened)
	if why := next(t, h.closed); !why.Remote || why.Code != transport.CodeShutdown {
		t.Errorf("Closed is told %v when the page was left", why)
	}
}
