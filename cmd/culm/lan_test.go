package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/transporttest"
)

const oldSchema = "testdata/files/old.dc"

// lanSettings are what "culm lan" makes of its flags.
func lanSettings(t *testing.T, args ...string) (lan.Config, tcp.Config) {
	t.Helper()
	var c struct {
		Lan lanCommand `cmd:""`
	}
	parser := kong.Must(&c)
	if _, err := parser.Parse(append([]string{"lan", oldSchema}, args...)); err != nil {
		t.Fatal(err)
	}
	schema, err := dc.ParseFiles(oldSchema)
	if err != nil {
		t.Fatal(err)
	}
	config, err := c.Lan.config(schema)
	if err != nil {
		t.Fatal(err)
	}
	transport, _, err := c.Lan.transport()
	if err != nil {
		t.Fatal(err)
	}
	config.Schema = nil
	return config, transport
}

// Without flags the server is the one that package lan makes by default, but
// that this machine is trusted.
func TestLANDefaults(t *testing.T) {
	config, transport := lanSettings(t)
	want := lan.Config{
		DoIDRange: lan.DefaultDoIDRange, MaxMessage: 65535, FlushInterval: lan.DefaultFlushInterval,
		MaxPerAddress: lan.DefaultMaxPerAddress, MaxObjects: lan.DefaultMaxObjects, MaxZones: lan.DefaultMaxZones,
		MessageRate: lan.DefaultMessageRate, ByteRate: lan.DefaultByteRate, ZoneRate: lan.DefaultZoneRate,
		IdleTimeout: -1, FullIdleTimeout: lan.DefaultFullIdleTimeout, HeartbeatTimeout: -1,
		Trust: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
	if !reflect.DeepEqual(config, want) {
		t.Errorf("got  %+v\nwant %+v", config, want)
	}
	if want := (tcp.Config{MaxMessage: 65535, SendQueue: 1 << 20, Linger: 5 * time.Second}); !reflect.DeepEqual(transport, want) {
		t.Errorf("got  %+v\nwant %+v", transport, want)
	}
}

func TestLANFlags(t *testing.T) {
	config, transport := lanSettings(t, "--header-size=4", "--doid-range=1000", "--flush-interval=1ms", "--max-clients=2",
		"--max-clients-per-address=3", "--max-datagram=70000", "--max-objects=5", "--max-zones=6", "--message-rate=7.5",
		"--byte-rate=8", "--zone-rate=9", "--send-queue=10", "--idle-timeout=11s", "--full-idle-timeout=12s",
		"--heartbeat-timeout=13s", "--drain-timeout=14s", "--trust=10.0.0.1,2001:db8::/32", "--trusted-classes=Avatar,Node")
	want := lan.Config{
		DoIDRange: 1000, MaxMessage: 70000, FlushInterval: time.Millisecond, MaxClients: 2, MaxPerAddress: 3, MaxObjects: 5,
		MaxZones: 6, MessageRate: 7.5, ByteRate: 8, ZoneRate: 9, IdleTimeout: 11 * time.Second, FullIdleTimeout: 12 * time.Second,
		HeartbeatTimeout: 13 * time.Second, TrustedClasses: []string{"Avatar", "Node"},
		Trust: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("2001:db8::/32")},
	}
	if !reflect.DeepEqual(config, want) {
		t.Errorf("got  %+v\nwant %+v", config, want)
	}
	if want := (tcp.Config{Framing: tcp.Prefix32, MaxMessage: 70000, SendQueue: 10, Linger: 14 * time.Second}); !reflect.DeepEqual(transport, want) {
		t.Errorf("got  %+v\nwant %+v", transport, want)
	}
}

// The 0 of a flag is no limit, and no wait.
func TestLANWithoutLimits(t *testing.T) {
	config, transport := lanSettings(t, "--flush-interval=0", "--max-clients=0", "--max-clients-per-address=0", "--max-objects=0",
		"--max-zones=0", "--message-rate=0", "--byte-rate=0", "--zone-rate=0", "--idle-timeout=0", "--full-idle-timeout=0",
		"--heartbeat-timeout=0", "--drain-timeout=0", "--trust=none")
	want := lan.Config{
		DoIDRange: lan.DefaultDoIDRange, MaxMessage: 65535, FlushInterval: -1, MaxClients: -1, MaxPerAddress: -1, MaxObjects: -1,
		MaxZones: -1, MessageRate: -1, ByteRate: -1, ZoneRate: -1, IdleTimeout: -1, FullIdleTimeout: -1, HeartbeatTimeout: -1,
	}
	if !reflect.DeepEqual(config, want) {
		t.Errorf("got  %+v\nwant %+v", config, want)
	}
	if transport.Linger >= 0 {
		t.Errorf("connections may linger for %v", transport.Linger)
	}
}

func TestLANPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	status, _, stderr := culm(t, "lan", oldSchema, "--listen", l.Addr().String())
	if status != exitFailed || !strings.Contains(stderr, l.Addr().String()) || !strings.Contains(stderr, "choose another HOST:PORT with --listen") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// logLines is a log, record by record.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// A client of a server with unusual settings gets its doIds, and the end of
// the stream when the server drains.
func TestLANServes(t *testing.T) {
	certFile, keyFile := selfSigned(t)
	for name, c := range map[string]struct {
		flags []string
		tls   bool
		want  []byte // with its length in front
	}{
		"plain":    {nil, false, []byte("\x0a\x00\x29\x23\x01\x00\x00\x00\x40\x42\x0f\x00")},
		"header 4": {[]string{"--header-size", "4"}, false, []byte("\x0a\x00\x00\x00\x29\x23\x01\x00\x00\x00\x40\x42\x0f\x00")},
		"TLS": {
			[]string{"--tls-cert", certFile, "--tls-key", keyFile}, true,
			[]byte("\x0a\x00\x29\x23\x01\x00\x00\x00\x40\x42\x0f\x00"),
		},
		"few clients": {[]string{"--doid-range", "1000000000"}, false, []byte("\x0a\x00\x29\x23\x01\x00\x00\x00\x00\xca\x9a\x3b")},
	} {
		t.Run(name, func(t *testing.T) {
			log := make(logLines, 100)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan int, 1)
			go func() {
				done <- run(ctx, append([]string{"lan", oldSchema, "--listen", "127.0.0.1:0"}, c.flags...), strings.NewReader(""), io.Discard, log)
				close(log)
			}()
			serving := <-log
			addr := regexp.MustCompile(`msg=serving .*addr=(\S+)`).FindStringSubmatch(serving)
			if addr == nil {
				t.Fatalf("logged: %s", serving)
			}
			conn, err := net.Dial("tcp", addr[1])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if c.tls {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // a certificate of the test's own
			}
			got := make([]byte, len(c.want))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, c.want) {
				t.Fatalf("got %x, %v, want %x", got, err, c.want)
			}
			cancel()
			if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
				t.Errorf("at the end the client gets %x, %v", rest, err)
			}
			conn.Close()
			var last string
			for line := range log {
				last = line
			}
			if status := <-done; status != exitDone || !strings.Contains(last, "msg=stopped clients=0") || !strings.Contains(last, "handshakes=0") {
				t.Errorf("status %d, last logged: %s", status, last)
			}
		})
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	pair, _ := transporttest.Certificate(t, t.Name())
	transporttest.WriteCertificate(t, pair, certFile, keyFile)
	return certFile, keyFile
}
