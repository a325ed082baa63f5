package websocket

import (
	"bufio"
	"bytes"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"github.com/culm-net/culm/transport"
)

// writeBuffer holds a frame's head, or a control frame. What is written in a
// row is gathered below the library, and only while it is written.
const writeBuffer = maxFrame + 125

// NewHandler returns an [http.Handler] that makes WebSocket connections of
// requests, for a server that has other things to serve too, and gives what
// happens on them to h. That server bounds how long a request may take and how
// many there may be; Path, TLS, HandshakeTimeout and MaxHandshakes of cfg have
// no effect. It must speak HTTP/1.1.
func NewHandler(cfg Config, h transport.Handler) (http.Handler, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &upgrader{cfg: &full, h: h}, nil
}

// upgrader makes connections of requests.
type upgrader struct {
	cfg *Config
	h   transport.Handler
}

// ServeHTTP implements [http.Handler]. The library answers what it refuses.
func (u *upgrader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newConn(u.cfg)
	up := &upgrade{ResponseWriter: w}
	ws, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		OriginPatterns:  u.cfg.Origins,
		CompressionMode: websocket.CompressionDisabled,
		OnPingReceived:  c.pinged,
	})
	if err != nil {
		u.cfg.Log.Debug("no WebSocket", "peer", r.RemoteAddr, "err", err)
		return
	}
	// On a goroutine of its own, whose stack has not grown and which does not
	// keep the request.
	c.start(ws, up.wire, up.br, r.TLS, u.h)
}

// upgrade puts a wire between the library and the network, with buffers that
// are as small as they can be: net/http's have 4 KiB each.
type upgrade struct {
	http.ResponseWriter
	wire *wire
	br   *bufio.Reader
}

// Hijack implements [http.Hijacker].
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.wire = newWire(nc)
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	u.wire.early = bytes.Clone(early)
	u.br = bufio.NewReaderSize(u.wire, readBuffer)
	return u.wire, bufio.NewReadWriter(u.br, bufio.NewWriterSize(u.wire, writeBuffer)), nil
}
