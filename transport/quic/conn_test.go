package quic

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math"
	"strings"
	"syscall"
	"testing"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
)

// What quic-go says about the end of a connection becomes a code.
func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		err    error
		remote bool
		code   transport.Code
	}{
		{&quic.ApplicationError{Remote: true, ErrorCode: 1234}, true, 1234},
		{&quic.ApplicationError{Remote: true}, true, transport.CodeUnknown},
		{&quic.ApplicationError{Remote: true, ErrorCode: math.MaxUint32 + 1}, true, transport.CodeUnknown},
		{&quic.IdleTimeoutError{}, false, transport.CodeTimeout},
		{&quic.StatelessResetError{}, true, transport.CodeUnknown},
		{&quic.TransportError{Remote: true, ErrorCode: quic.ConnectionRefused}, true, transport.CodeRefused},
		{&quic.TransportError{Remote: true, ErrorCode: quic.ProtocolViolation}, true, transport.CodeProtocol},
		{&quic.TransportError{ErrorCode: quic.StreamLimitError}, false, transport.CodeProtocol},
		{&quic.TransportError{ErrorCode: quic.InternalError}, false, transport.CodeNetwork},
		{syscall.ECONNREFUSED, false, transport.CodeNetwork},
		{errors.New("something"), false, transport.CodeNetwork},
	} {
		if got := explain(tt.err); got.Remote != tt.remote || got.Code != tt.code {
			t.Errorf("%v is %v", tt.err, got)
		}
	}
}

// Dialers that close without having sent anything tell the server so too.
func TestCloseOfUnusedConnections(t *testing.T) {
	s := serve(t, Config{})
	c, ch := s.dial(t, Config{}, "")
	await(t, s.opened)
	c.Close(transport.CodeShutdown, "going home")
	if got := await(t, s.closed); !got.Remote || got.Code != transport.CodeShutdown || got.Reason != "going home" {
		t.Errorf("the server is told: %v", got)
	}
	if got := await(t, ch.closed); got.Remote || got.Code != transport.CodeShutdown {
		t.Errorf("the client is told: %v", got)
	}
}

// Without linger nothing waits for the peer.
func TestNoLinger(t *testing.T) {
	s := serve(t, Config{Linger: -1})
	_, ch := s.dial(t, Config{}, "")
	sc := await(t, s.opened)
	for sc.Send(transport.Message{Data: make([]byte, 10_000)}) == nil {
	}
	sc.Close(transport.CodeRefused, "enough")
	if got := await(t, ch.closed); !got.Remote || got.Code != transport.CodeRefused || got.Reason != "enough" {
		t.Errorf("the client is told: %v", got)
	}
}

// What a server says while it is dialed is for people to read, and must not
// reach into their terminals.
func TestExplainDialIsPrintable(t *testing.T) {
	escape := "a\x1b[2Jb\nc"
	for _, err := range []error{
		&quic.TransportError{Remote: true, ErrorCode: quic.ProtocolViolation, ErrorMessage: escape},
		&quic.TransportError{Remote: true, ErrorCode: quic.InternalError, ErrorMessage: escape},
		&quic.ApplicationError{Remote: true, ErrorMessage: escape},
		&tls.CertificateVerificationError{Err: x509.HostnameError{Host: "example.org", Certificate: &x509.Certificate{
			DNSNames: []string{escape}, Extensions: []pkix.Extension{{Id: []int{2, 5, 29, 17}}},
		}}},
	} {
		if got := explainDial(err, 0).Error(); strings.ContainsAny(got, "\x1b\n") || !strings.Contains(got, "[2Jb") {
			t.Errorf("%T: %q", err, got)
		}
	}
}

// A peer that closes as soon as it has said welcome is not blamed for allowing
// no streams.
func TestOpenOfClosed(t *testing.T) {
	s := serve(t, Config{})
	q := s.raw(t, nil)
	await(t, s.opened)
	_ = q.CloseWithError(7, "no")
	var app *quic.ApplicationError
	if err := newConn(s.cfg, q, nil, false).open(); !errors.As(err, &app) || app.ErrorCode != 7 {
		t.Errorf("%v", err)
	}
}
