// Package console shows what a running server does: metrics, health and
// profiles over HTTP.
package console

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of a request. Profiles may take longer to write: net/http/pprof adds
// the seconds that were asked for.
const (
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = time.Minute
	maxHeaderBytes = 16 << 10
	maxScrapes     = 4 // at a time; further ones are told 503
)

// Server answers
//
//	/metrics       Prometheus' text format
//	/healthz       200 while serving, 503 while draining
//	/debug/pprof/  net/http/pprof, when the address is loopback
//
// Its methods are safe for concurrent use.
type Server struct {
	listener net.Listener
	http     *http.Server
	registry *prometheus.Registry
	draining atomic.Bool
}

// Listen opens the TCP address HOST:PORT and returns a server that is not yet
// serving. Errors of single requests go to log at level debug.
func Listen(addr string, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("console: cannot listen on %q (give HOST:PORT, like 127.0.0.1:9100): %w", addr, err)
	}
	return newServer(listener, log), nil
}

func newServer(listener net.Listener, log *slog.Logger) *Server {
	s := &Server{listener: listener, registry: prometheus.NewRegistry()}
	s.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
	)
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
		Registry:            s.registry,
	}))
	mux.HandleFunc("GET /healthz", s.health)
	if s.Loopback() {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	} else {
		mux.HandleFunc("/debug/pprof/", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Profiles show the inside of the process, so they are only served on a loopback address: "+
				"start with --metrics 127.0.0.1:PORT to have them.", http.StatusNotFound)
		})
	}
	return mux
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	text := "ok\n"
	if s.draining.Load() {
		text = "draining\n"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	io.WriteString(w, text)
}

// Addr is the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Loopback reports whether only this machine can reach the server.
func (s *Server) Loopback() bool {
	addr, ok := s.listener.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// Serve answers requests until Close and then returns nil.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("console: %w", err)
	}
	return nil
}

// Drain makes /healthz say 503 from now on, so that a load balancer sends
// nobody here any more.
func (s *Server) Drain() { s.draining.Store(true) }

// Close stops listening and cuts off requests that are being answered.
func (s *Server) Close() error {
	err := s.http.Close()
	// The HTTP server knows the listener only while serving.
	if lerr := s.listener.Close(); !errors.Is(lerr, net.ErrClosed) {
		err = errors.Join(err, lerr)
	}
	return err
}
