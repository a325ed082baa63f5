package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/transporttest"
)

// Each fault of a peer is answered with a close code, and this side's handler
// told of it, after the messages that came before.
func TestFaults(t *testing.T) {
	long := make([]byte, 8)
	binary.BigEndian.PutUint64(long, 1<<62)
	for _, tt := range []struct {
		name string
		says string
		code int
		tell string // part of what Closed is told
	}{
		{"Text", frame(opText, "hello"), 1003, "only binary"},
		{"LongText", frame(opText, strings.Repeat("x", 100_000)), 1003, "only binary"},
		{"TooLong", frame(opBinary, strings.Repeat("x", 101)), 1009, "longer than 100 bytes"},
		{"MuchTooLong", frame(opBinary, strings.Repeat("x", 500_000)), 1009, "longer than 100 bytes"},
		{"TooLongInPieces", frame(0x02, strings.Repeat("x", 60)) + frame(0x80, strings.Repeat("x", 60)), 1009, "longer than 100 bytes"},
		{"LongerThanAnything", "\x82\xff" + string(long) + "\x00\x00\x00\x00" + strings.Repeat("x", 101), 1009, "longer than 100 bytes"},
		{"UnknownOpcode", frame(0x83, ""), 1002, "WebSocket protocol"},
		{"UnknownControl", frame(0x8b, ""), 1002, "WebSocket protocol"},
		{"ReservedBit", frame(0xc2, "compressed"), 1002, "WebSocket protocol"},
		{"NotMasked", "\x82\x01x", 1002, "WebSocket protocol"},
		{"ContinuesNothing", frame(0x80, "x"), 1002, "WebSocket protocol"},
		{"MessageInMessage", frame(0x02, "x") + frame(opBinary, "y"), 1002, "WebSocket protocol"},
		{"LongPing", "\x89\xfe\x00\x7e\x00\x00\x00\x00" + strings.Repeat("x", 126), 1002, "WebSocket protocol"},
		{"PingInPieces", frame(0x09, "x"), 1002, "WebSocket protocol"},
		{"PingFlood", strings.Repeat(frame(opPing, ""), MaxPings+1), 1002, "pings"},
		{"CloseOfOneByte", frame(opClose, "x"), 1002, "WebSocket protocol"},
		{"CloseWithoutMeaning", closing(1005, ""), 1002, "WebSocket protocol"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newCollect(1)
			peer := dialRaw(t, serve(t, Config{MaxMessage: 100, Linger: 200 * time.Millisecond}, h).Addr()).upgrade()
			peer.say(frame(opBinary, "first") + tt.says)
			if code, _ := peer.readClose(); code != tt.code {
				t.Errorf("closed with %d, want %d", code, tt.code)
			}
			_, _ = io.WriteString(peer, closing(tt.code, ""))
			if got := next(t, h.closed); got.Remote || got.Code != transport.CodeProtocol || !strings.Contains(got.Reason, tt.tell) {
				t.Errorf("Closed is told %v", got)
			}
			if got := next(t, h.msgs); got != "first" {
				t.Errorf("received %q", got)
			}
		})
	}
}

// How a peer may end, and what is told of it.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*raw)
		want transport.CloseError
	}{
		{"Normal", func(r *raw) { r.say(closing(1000, "bye")) }, transport.CloseError{Remote: true, Code: transport.CodeNormal, Reason: "bye"}},
		{"Leaving", func(r *raw) { r.say(closing(1001, "")) }, transport.CloseError{Remote: true, Code: transport.CodeShutdown}},
		{"WithoutCode", func(r *raw) { r.say(frame(opClose, "")) }, transport.CloseError{Remote: true, Code: transport.CodeUnknown}},
		{"NoUTF8", func(r *raw) { r.say(closing(4234, "a\xffb")) }, transport.CloseError{Remote: true, Code: 1234, Reason: "a\uFFFDb"}},
		{"Silent", func(r *raw) { _ = r.CloseWrite() }, transport.CloseError{Remote: true, Code: transport.CodeUnknown, Err: io.ErrUnexpectedEOF}},
		{"InAMessage", func(r *raw) { r.say(frame(opBinary, "12345")[:8]); _ = r.CloseWrite() },
			transport.CloseError{Remote: true, Code: transport.CodeUnknown, Err: io.ErrUnexpectedEOF}},
		{"Reset", func(r *raw) { _ = r.SetLinger(0); _ = r.Close() }, transport.CloseError{Remote: true, Code: transport.CodeUnknown}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newCollect(1)
			peer := dialRaw(t, serve(t, Config{}, h).Addr()).upgrade()
			next(t, h.opened)
			tt.end(peer)
			got := next(t, h.closed)
			if tt.name == "Reset" {
				got.Err = nil // the system's
			}
			if got.Remote != tt.want.Remote || got.Code != tt.want.Code || got.Reason != tt.want.Reason || !errors.Is(got.Err, tt.want.Err) {
				t.Errorf("Closed is told %v, want %v", got, &tt.want)
			}
		})
	}
}

// What is no handshake is answered, in the words of HTTP, and is over.
func TestRefusals(t *testing.T) {
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, tt := range []struct {
		name, says string
		status     int
	}{
		{"Garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		{"Panda3D", "\x0a\x00hello worl\r\n\r\n", 400},
		{"APage", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426},
		{"AnotherPath", "GET /other HTTP/1.1\r\nHost: a\r\n" + upgrade + "\r\n", 404},
		{"Post", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" + upgrade + "\r\nabc", 405},
		{"OldHTTP", "GET / HTTP/1.0\r\nHost: a\r\n" + upgrade + "\r\n", 426},
		{"OldWebSocket", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Replace(upgrade, "13", "8", 1) + "\r\n", 400},
		{"ShortKey", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Replace(upgrade, "dGhlIHNh", "", 1) + "\r\n", 400},
		{"LongHeader", "GET / HTTP/1.1\r\nHost: a\r\nCookie: " + strings.Repeat("x", maxHeader+4096) + "\r\n\r\n", 431},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newCollect(1)
			peer := dialRaw(t, serve(t, Config{}, h).Addr())
			peer.say(tt.says)
			answer, err := http.ReadResponse(peer.br, nil)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != tt.status {
				t.Errorf("answered with %s, want %d", answer.Status, tt.status)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Error(err)
			}
			if n, err := peer.br.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("the connection lives on: %v", err)
			}
			if len(h.opened) > 0 {
				t.Error("a connection was opened")
			}
		})
	}
}

// Pages of other hosts may connect only where Origins has them.
func TestOrigins(t *testing.T) {
	for _, tt := range []struct {
		origins []string
		origin  string
		want    bool
	}{
		{nil, "", true},
		{nil, "http://server.example.com", true},
		{nil, "http://evil.example", false},
		{nil, "null", false},
		{nil, "%", false},
		{[]string{"game.example"}, "https://game.example", true},
		{[]string{"game.example"}, "https://GAME.example", true},
		{[]string{"game.example"}, "https://game.example:8443", false},
		{[]string{"game.example"}, "https://evil.game.example", false},
		{[]string{"game.example"}, "https://server.example.com", true},
		{[]string{"*.game.example"}, "https://play.game.example", true},
		{[]string{"*.game.example"}, "https://game.example", false},
		{[]string{"*.game.example"}, "https://game.example.evil", false},
		{[]string{"a.example", "localhost:*"}, "http://localhost:8000", true},
		{[]string{"https://game.example"}, "http://game.example", false},
		{[]string{"*"}, "http://any.example", true},
	} {
		h := newCollect(1)
		peer := dialRaw(t, serve(t, Config{Origins: tt.origins}, h).Addr())
		more := ""
		if tt.origin != "" {
			more = "Origin: " + tt.origin + "\r\n"
		}
		want := http.StatusForbidden
		if tt.want {
			want = http.StatusSwitchingProtocols
		}
		if got := peer.ask(more); got.StatusCode != want {
			t.Errorf("origins %q, a page of %q is answered with %s", tt.origins, tt.origin, got.Status)
		}
		if tt.want {
			_ = peer.Close()
			next(t, h.closed)
		}
	}
}

// Nothing is agreed to that a browser offers.
func TestNoCompression(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{}, h).Addr())
	a := peer.ask("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Protocol: chat\r\n")
	if a.StatusCode != http.StatusSwitchingProtocols || a.Header.Get("Sec-WebSocket-Extensions") != "" || a.Header.Get("Sec-WebSocket-Protocol") != "" {
		t.Errorf("answered with %s %v", a.Status, a.Header)
	}
	if got := a.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // the RFC's
		t.Errorf("accepted with %q", got)
	}
	_ = peer.Close()
	next(t, h.closed)
}

// Messages in pieces, with pings between them, arrive whole.
func TestPiecesAndPings(t *testing.T) {
	h := echo{newCollect(1)}
	peer := dialRaw(t, serve(t, Config{}, h).Addr()).upgrade()
	big := strings.Repeat("0123456789", 3000)
	peer.say(frame(0x02, "a") + frame(opPing, "are you there?") + frame(0x00, "b") + frame(0x00, "") + frame(0x80, "c") +
		frame(opPong, "unasked") + frame(opBinary, "") + frame(opBinary, big) + frame(opBinary, "last"))
	var got []string
	pongs := 0
	for len(got) < 4 {
		switch op, payload := peer.read(); op {
		case opPong:
			pongs++
			if payload != "are you there?" {
				t.Errorf("a pong of %q", payload)
			}
		case opBinary:
			got = append(got, payload)
		default:
			t.Fatalf("a frame of opcode %x", op)
		}
	}
	if want := []string{"abc", "", big, "last"}; !slices.Equal(got, want) || pongs != 1 {
		t.Errorf("echoed %.50q with %d pongs", got, pongs)
	}
	peer.say(closing(1000, ""))
	next(t, h.closed)
}

// What comes together with the request is not lost.
func TestEarly(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{}, h).Addr())
	peer.say(request + "\r\n" + frame(opBinary, "hasty") + frame(opBinary, strings.Repeat("x", 2000)))
	if got := next(t, h.msgs); got != "hasty" {
		t.Errorf("received %q", got)
	}
	if got := next(t, h.msgs); len(got) != 2000 {
		t.Errorf("received %d bytes", len(got))
	}
	_ = peer.Close()
	next(t, h.closed)
}

// A peer that announces a long message, and sends little of it, costs little.
func TestAnnouncedAndNotSent(t *testing.T) {
	in := new(inbox)
	for _, n := range []int{0, 511, 512, 4000, 70_000, 300_000} {
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- in.take(r, 1<<30) }()
		_, _ = w.Write(make([]byte, n))
		_ = w.CloseWithError(io.ErrUnexpectedEOF)
		if err := next(t, done); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("taking ended with %v", err)
		}
		if got := cap(in.buf.B); got > max(512, 8*(n+1)) {
			t.Errorf("%d bytes hold %d", n, got)
		}
		in.release()
	}
}

// The oldest of too many that do not get on is cut; others are let in.
func TestMaxHandshakes(t *testing.T) {
	h := newCollect(10)
	l := serve(t, Config{MaxHandshakes: 3}, h)
	var silent []*raw
	for i := range 3 {
		r := dialRaw(t, l.Addr())
		r.say(request[:10*i]) // nothing, or the beginning of a request
		silent = append(silent, r)
	}
	for i := range 3 {
		peer := dialRaw(t, l.Addr()).upgrade()
		next(t, h.opened)
		if _, err := silent[i].br.ReadByte(); err == nil {
			t.Errorf("silent peer %d is answered", i)
		}
		peer.say(frame(opBinary, "hello"))
		next(t, h.msgs)
		// One that got on does not count any more.
		_ = dialRaw(t, l.Addr())
	}
	if n := len(h.closed); n > 0 {
		t.Errorf("%d that got on were closed", n)
	}
}

// Half a handshake is cut when its time is over, over TLS too.
func TestHandshakeTimeout(t *testing.T) {
	h := newCollect(1)
	pair, _ := transporttest.Certificate(t, t.Name())
	for _, cfg := range []Config{{}, {TLS: &tls.Config{Certificates: []tls.Certificate{pair}}}} {
		cfg.HandshakeTimeout = 30 * time.Millisecond
		l := serve(t, cfg, h)
		for _, says := range []string{"", "GET / HT", request, "\x16\x03\x01\x02\x00\x01"} {
			peer := dialRaw(t, l.Addr())
			peer.say(says)
			if _, err := io.Copy(io.Discard, peer.br); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("after %q: %v", says, err)
			}
		}
	}
	if len(h.opened) > 0 {
		t.Error("a connection was opened")
	}
}

// Close of a listener cuts what is no WebSocket yet.
func TestListenerCloseCutsHandshakes(t *testing.T) {
	l := serve(t, Config{}, newCollect(1))
	peer := dialRaw(t, l.Addr())
	peer.say(request)
	dialRaw(t, l.Addr()).upgrade() // so that the one before was accepted
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := io.Copy(io.Discard, peer.br); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}

// A peer that reads nothing fills the queue, delays nobody, and is cut after
// the linger time.
func TestPeerThatReadsNothing(t *testing.T) {
	h := newCollect(2)
	l := serve(t, Config{Linger: 50 * time.Millisecond, SendQueue: 100_000}, h)
	slow := dialRaw(t, l.Addr()).upgrade()
	c := next(t, h.opened)
	data := make([]byte, 30_000)
	for n := 0; ; n++ {
		err := c.Send(transport.Message{Data: data})
		if errors.Is(err, transport.ErrFull) && c.Budget() == 0 {
			break
		}
		if err != nil && !errors.Is(err, transport.ErrFull) {
			t.Fatal(err)
		}
		c.Flush()
	}
	other := dialRaw(t, l.Addr()).upgrade()
	d := next(t, h.opened)
	_ = d.Send(transport.Message{Data: []byte("not delayed")})
	l.Flush([]transport.Conn{c, d})
	if _, got := other.read(); got != "not delayed" {
		t.Errorf("the other reads %q", got)
	}
	c.Close(1234, "too slow")
	if got := next(t, h.closed); got.Remote || got.Code != 1234 {
		t.Errorf("Closed is told %v", got)
	}
	for {
		if _, _, err := slow.tryRead(); err != nil {
			break // cut in the middle
		}
	}
	_ = other.Close()
	next(t, h.closed)
}

// A peer that goes on sending after this side has closed is cut.
func TestPeerThatNeverCloses(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{Linger: time.Hour}, h).Addr()).upgrade()
	next(t, h.opened).Close(transport.CodeNormal, "")
	data := frame(opBinary, strings.Repeat("x", 60_000))
	for n := 0; ; n++ {
		if _, err := io.WriteString(peer, data); err != nil {
			break
		}
		if n > 1000 {
			t.Fatal("60 MB were taken after Close")
		}
	}
	if got := next(t, h.closed); got.Remote || got.Code != transport.CodeNormal {
		t.Errorf("Closed is told %v", got)
	}
}

func TestCodes(t *testing.T) {
	for _, c := range []transport.Code{transport.CodeNormal, transport.CodeShutdown, transport.CodeTimeout,
		transport.CodeRefused, transport.CodeProtocol, 1000, 1154, 1999} {
		if got := codeOf(status(c)); got != c {
			t.Errorf("%v arrives as %v", c, got)
		}
	}
	for _, c := range []transport.Code{7, 999, 2000, 1 << 31, 1<<32 - 1} {
		if got := status(c); got != 1008 {
			t.Errorf("%v is sent as %d", c, got)
		}
	}
}

func TestCutReason(t *testing.T) {
	full := strings.Repeat("x", MaxReason)
	for in, want := range map[string]string{"": "", full: full, full + "y": full, full[2:] + "é": full[2:] + "é", full[1:] + "é": full[1:]} {
		if got := cutReason(in); got != want {
			t.Errorf("cutReason(%q) = %q", in, got)
		}
	}
}

func TestConfig(t *testing.T) {
	for want, cfg := range map[string]Config{
		"slash":       {Path: "play"},
		"pattern":     {Origins: []string{"[a"}},
		"longest":     {MaxMessage: -1},
		"certificate": {TLS: new(tls.Config)},
	} {
		l, err := Listen("127.0.0.1:0", cfg)
		if err == nil {
			_ = l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// FuzzPeer says anything after a handshake, in pieces of any size. It ends in
// bounded time whatever it is.
func FuzzPeer(f *testing.F) {
	f.Add([]byte(frame(opBinary, "one")+frame(0x02, "t")+frame(opPing, "p")+frame(0x80, "wo")+closing(1000, "bye")), byte(3))
	f.Add([]byte(frame(opText, "text")), byte(0))
	f.Add([]byte(frame(opBinary, strings.Repeat("long", 300))), byte(200))
	f.Add([]byte("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), byte(1))
	f.Fuzz(func(t *testing.T, says []byte, piece byte) {
		cfg, err := Config{MaxMessage: 1000, Linger: -1}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		h := &bounded{t: t, collect: newCollect(1)}
		there := pipe(&cfg, h)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = io.Copy(io.Discard, there) })
		for part := range slices.Chunk(says, 1+int(piece)) {
			if _, err := there.Write(part); err != nil {
				break
			}
		}
		_ = there.Close()
		wg.Wait()
		if got := next(t, h.closed); got.Code == transport.CodeTimeout {
			t.Errorf("Closed is told %v", got)
		}
	})
}

// bounded checks that messages are no longer than they may be.
type bounded struct {
	t *testing.T
	*collect
}

func (h *bounded) Received(_ transport.Conn, msgs [][]byte) {
	total := 0
	for _, m := range msgs {
		if total += len(m); len(m) > 1000 {
			h.t.Errorf("a message of %d bytes", len(m))
		}
	}
	if total > 1000+readBuffer {
		h.t.Errorf("a batch of %d bytes", total)
	}
}

// What whole says of a buffer is what reading the message from it would show.
func TestWhole(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{"", false},
		{frame(opBinary, ""), true},
		{frame(opBinary, "")[:5], false},
		{frame(opBinary, "x"), true},
		{frame(opBinary, "x")[:6], false},
		{frame(opBinary, strings.Repeat("x", 125)), true},
		{frame(opBinary, strings.Repeat("x", 126)), true},
		{frame(opBinary, strings.Repeat("x", 126))[:133], false},
		{frame(opBinary, "") + "more", true},
		{frame(opBinary, strings.Repeat("x", 126))[:7], false},
		{"\x82\xfe\x00\x00\x00\x00\x00", false}, // without its mask's last byte
		{frame(opBinary, strings.Repeat("x", 70_000)), false},
		{"\x82\x04xxxx", false}, // not masked
		{frame(0x02, "x"), false},
		{frame(0x80, "x"), false},
		{frame(opText, "x"), false},
		{frame(opPing, "x"), false},
		{frame(opClose, "x"), false},
		{frame(0xc2, "x"), false},
	} {
		br := bufio.NewReaderSize(strings.NewReader(tt.in), readBuffer)
		_, _ = br.Peek(min(len(tt.in), readBuffer))
		if got := whole(br); got != tt.want {
			t.Errorf("%.20q: %v", tt.in, got)
		}
	}
}

// What a peer may do below WebSocket.
func TestEndsOfTLS(t *testing.T) {
	pair, pool := transporttest.Certificate(t, t.Name())
	h := newCollect(1)
	l := serve(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}, Linger: 50 * time.Millisecond}, h)
	for _, tt := range []struct {
		name string
		end  func(*wire)
		want transport.CloseError
	}{
		{"Silent", func(w *wire) { _ = w.raw.(*net.TCPConn).CloseWrite() }, transport.CloseError{Remote: true, Code: transport.CodeUnknown}},
		{"WithoutCloseFrame", func(w *wire) { _ = w.Conn.(*tls.Conn).CloseWrite() }, transport.CloseError{Remote: true, Code: transport.CodeUnknown}},
		{"Reset", func(w *wire) { w.reset(); _ = w.raw.Close() }, transport.CloseError{Remote: true, Code: transport.CodeUnknown}},
		{"Alert", func(w *wire) { _, _ = io.WriteString(w.raw, "\x15\x03\x03\x00\x02\x02\x28") }, transport.CloseError{Code: transport.CodeProtocol, Reason: "the peer broke TLS"}},
		{"Garbage", func(w *wire) { _, _ = io.WriteString(w.raw, "GET / HTTP/1.1\r\n\r\n") }, transport.CloseError{Code: transport.CodeProtocol, Reason: "the peer broke TLS"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := newCollect(1)
			c, err := Dial(context.Background(), "wss://"+l.Addr().String(), Config{TLS: &tls.Config{RootCAs: pool}}, client)
			if err != nil {
				t.Fatal(err)
			}
			next(t, h.opened)
			tt.end(c.wire)
			if got := next(t, h.closed); got.Remote != tt.want.Remote || got.Code != tt.want.Code || got.Reason != tt.want.Reason || got.Err == nil {
				t.Errorf("Closed is told %v", got)
			}
			c.Close(transport.CodeNormal, "")
			next(t, client.closed)
		})
	}
}
