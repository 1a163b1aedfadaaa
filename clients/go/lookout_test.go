package llmgateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// identity is a certificate for loopback that signs itself, and its key.
type identity struct {
	certificate, key []byte
}

func newIdentity(t testing.TB) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return identity{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}),
	}
}

// serverConfig returns what a server needs that has this identity, and asks clients for one that it knows, if any.
func (i identity) serverConfig(t testing.TB, client *identity) *tls.Config {
	t.Helper()
	pair, err := tls.X509KeyPair(i.certificate, i.key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if client != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(client.certificate)
	}
	return config
}

// unavailable is a gateway that answers every call as a proxy may: by a status that tells nothing of ours.
type unavailable struct {
	llmgatewayv1.UnimplementedLLMGatewayServer
}

func (unavailable) Generate(context.Context, *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
	return nil, status.Error(codes.Internal, "said by the server")
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return listener
}

func serveGRPC(t testing.TB, options ...grpc.ServerOption) string {
	t.Helper()
	listener := listen(t)
	server := grpc.NewServer(options...)
	llmgatewayv1.RegisterLLMGatewayServer(server, unavailable{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func serveHTTP(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// serveConnections hands each connection to a function, closes it, and counts them.
func serveConnections(t testing.TB, serve func(net.Conn)) (string, *atomic.Int64) {
	t.Helper()
	listener := listen(t)
	var count atomic.Int64
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			go func() {
				defer connection.Close()
				serve(connection)
			}()
		}
	}()
	return listener.Addr().String(), &count
}

// readGreeting reads until the client has said all that it says first, or has left.
func readGreeting(connection net.Conn) {
	_, _ = io.ReadFull(connection, make([]byte, len(clientGreeting)))
}

// closedPort returns an address at which nothing listens.
func closedPort(t testing.TB) string {
	t.Helper()
	listener := listen(t)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

func generate(t testing.TB, target string, options ...Option) *Error {
	t.Helper()
	client, err := NewClient(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.Generate(t.Context(), Prompt("m", "Hello"))
	failed, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	return failed
}

func TestACallThatCannotReachAGatewaySaysWhatToDo(t *testing.T) {
	server, client, stranger := newIdentity(t), newIdentity(t), newIdentity(t)
	plain := serveGRPC(t)
	secured := serveGRPC(t, grpc.Creds(credentials.NewTLS(server.serverConfig(t, nil))))
	mutual := serveGRPC(t, grpc.Creds(credentials.NewTLS(server.serverConfig(t, &client))))
	silent, _ := serveConnections(t, readGreeting)
	alerting, _ := serveConnections(t, func(connection net.Conn) {
		readGreeting(connection)
		if _, err := connection.Write([]byte("\x15\x03\x01\x00\x02\x02\x46")); err != nil {
			t.Error(err)
		}
	})
	rest, closed := serveHTTP(t), closedPort(t)
	handshake := "The TLS handshake with %s failed: check that the root certificates sign the server's certificate, that " +
		"the certificate names 127.0.0.1, and that a client certificate is given if the server asks for one. ("
	roots := WithRootCertificates(server.certificate)
	for _, c := range []struct {
		name    string
		target  string
		options []Option
		message string
	}{
		{"nothing there", closed, nil, "Nothing answers at " + closed + ": start the gateway there (llmgateway serve), or correct the target."},
		{"nothing there, by DNS", "dns:///" + closed, nil, "Nothing answers at " + closed + ": start the gateway there (llmgateway serve), or correct the target."},
		{"the REST port", rest, nil, rest + " speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. Give its gRPC port (50051 unless configured otherwise)."},
		{"the REST port, by TLS", rest, []Option{WithTLS()}, rest + " speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. Give its gRPC port (50051 unless configured otherwise)."},
		{"TLS, in plain text", secured, nil, secured + " does not speak gRPC in plain text, so it may want TLS: connect with TLS."},
		{"a server that closes", silent, nil, silent + " does not speak gRPC in plain text, so it may want TLS: connect with TLS."},
		{"a server that sends an alert", alerting, nil, alerting + " does not speak gRPC in plain text, so it may want TLS: connect with TLS."},
		{"plain text, by TLS", plain, []Option{WithTLS()}, plain + " speaks plain text, not TLS: connect without TLS, or give the port that has it."},
		{"an unknown authority", secured, []Option{WithTLS()}, fmt.Sprintf(handshake, secured)},
		{"another name", "localhost" + secured[strings.Index(secured, ":"):], []Option{roots}, "The TLS handshake with localhost:"},
		{"no client certificate", mutual, []Option{roots}, fmt.Sprintf(handshake, mutual)},
		{"a client certificate that is unknown", mutual, []Option{roots, WithClientCertificate(stranger.certificate, stranger.key)}, fmt.Sprintf(handshake, mutual)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			failed := generate(t, c.target, c.options...)
			quoted, isQuoted := strings.CutPrefix(failed.Message, c.message)
			if !isQuoted || strings.HasPrefix(c.message, "The TLS") != (quoted != "") || failed.Kind != KindUnavailable {
				t.Errorf("got %v: %s", failed.Kind, failed.Message)
			}
		})
	}
}

func TestWhatItMeansThatNoConnectionCameAbout(t *testing.T) {
	nothing := "Nothing answers at gateway:50051: start the gateway there (llmgateway serve), or correct the target."
	for _, c := range []struct {
		name    string
		err     error
		message string
	}{
		{"no such name", &net.DNSError{IsNotFound: true}, "gateway is no known host name: correct the target."},
		{"no answer of DNS", &net.DNSError{IsTimeout: true}, ""},
		{"refused", os.NewSyscallError("connect", syscall.ECONNREFUSED), nothing},
		{"no answer", os.ErrDeadlineExceeded, nothing},
		{"no file descriptor left here", os.NewSyscallError("socket", syscall.EMFILE), ""},
	} {
		err := &net.OpError{Op: "dial", Net: "tcp", Err: c.err}
		if found := newLookout("gateway:50051", &settings{}).unreachable(err); found.message != c.message {
			t.Errorf("%s: got %q", c.name, found.message)
		}
	}
}

func TestAServerInHealthKeepsItsOwnWords(t *testing.T) {
	server, client := newIdentity(t), newIdentity(t)
	for name, c := range map[string]struct {
		target  string
		options []Option
	}{
		"plain text": {serveGRPC(t), nil},
		"TLS": {
			serveGRPC(t, grpc.Creds(credentials.NewTLS(server.serverConfig(t, nil)))),
			[]Option{WithRootCertificates(server.certificate)},
		},
		"mTLS": {
			serveGRPC(t, grpc.Creds(credentials.NewTLS(server.serverConfig(t, &client)))),
			[]Option{WithRootCertificates(server.certificate), WithClientCertificate(client.certificate, client.key)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			failed := generate(t, c.target, c.options...)
			if failed.Message != "said by the server" || failed.Kind != KindOther || failed.Code != codes.Internal {
				t.Errorf("got %v: %s", failed.Kind, failed)
			}
		})
	}
}

func TestAStreamThatCannotReachAGatewaySaysWhatToDo(t *testing.T) {
	target := closedPort(t)
	client, err := NewClient(target)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Stream(t.Context(), nil).Collect(); !strings.HasPrefix(err.Error(), "Nothing answers at "+target) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Compare(t.Context(), nil).Collect(); !strings.HasPrefix(err.Error(), "Nothing answers at "+target) {
		t.Errorf("got %v", err)
	}
}

func TestALookServesAllCallsForASecond(t *testing.T) {
	target, count := serveConnections(t, readGreeting)
	now := time.Now()
	l := newLookout(target, &settings{})
	l.now = func() time.Time { return now }
	explain := func() {
		t.Helper()
		failed := &Error{Code: codes.Unknown, ReasonName: unspecifiedReason, Message: "gRPC's words"}
		l.explain(t.Context(), failed)
		if !strings.Contains(failed.Message, "may want TLS") || failed.Kind != KindUnavailable {
			t.Errorf("got %v", failed)
		}
	}
	explain()
	now = now.Add(findingLifetime - 1)
	explain()
	if got := count.Load(); got != 1 {
		t.Errorf("got %d looks within a second", got)
	}
	now = now.Add(1)
	explain()
	if got := count.Load(); got != 2 {
		t.Errorf("got %d looks after a second", got)
	}
}

func TestALookIsSharedWhileItRuns(t *testing.T) {
	release := make(chan struct{})
	target, count := serveConnections(t, func(net.Conn) { <-release })
	l := newLookout(target, &settings{})
	first, second := l.current(), l.current()
	close(release)
	<-first.done
	if first != second || count.Load() != 1 {
		t.Errorf("got %d looks", count.Load())
	}
}

func TestACallThatIsOverWaitsForNoLook(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	target, _ := serveConnections(t, func(net.Conn) { <-release })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failed := &Error{Code: codes.Unavailable, ReasonName: unspecifiedReason, Message: "gRPC's words"}
	newLookout(target, &settings{}).explain(ctx, failed)
	if failed.Message != "gRPC's words" {
		t.Errorf("got %v", failed)
	}
}

func TestWhatTheGatewaySaidIsNotExplained(t *testing.T) {
	target, count := serveConnections(t, readGreeting)
	l := newLookout(target, &settings{})
	for name, failed := range map[string]*Error{
		"a reason":      {Code: codes.Unavailable, ReasonName: "ERROR_REASON_SHUTTING_DOWN"},
		"a call's id":   {Code: codes.Unavailable, ReasonName: unspecifiedReason, CallID: "call-1"},
		"content":       {Code: codes.Unavailable, ReasonName: unspecifiedReason, Started: true},
		"another code":  {Code: codes.NotFound, ReasonName: unspecifiedReason},
		"a deadline":    {Code: codes.DeadlineExceeded, ReasonName: unspecifiedReason},
		"a caller gone": {Code: codes.Canceled, ReasonName: unspecifiedReason},
	} {
		l.explain(t.Context(), failed)
		if failed.Message != "" || count.Load() != 0 {
			t.Errorf("%s: got %v after %d looks", name, failed, count.Load())
		}
	}
}

func TestThereIsNothingToLookAtWhereTheCallerDialsByItself(t *testing.T) {
	if l := newLookout("host:1", &settings{dialOptions: []grpc.DialOption{grpc.EmptyDialOption{}}}); l.host != "" {
		t.Errorf("got %s", l.host)
	}
}

func TestTheAddressOfATarget(t *testing.T) {
	for target, want := range map[string]string{
		"127.0.0.1:50051":             "127.0.0.1 50051",
		"gateway:50051":               "gateway 50051",
		"gateway":                     "gateway 443",
		"[::1]:50051":                 "::1 50051",
		"::1":                         "::1 443",
		"dns:gateway:50051":           "gateway 50051",
		"dns:///gateway:50051":        "gateway 50051",
		"dns:///gateway":              "gateway 443",
		"dns://8.8.8.8/gateway:50051": "gateway 50051",
		"dns://":                      " ",
		"unix:gateway.sock":           " ",
		"unix:///run/gateway.sock":    " ",
		"passthrough:///gateway:1":    " ",
		"gateway:http":                " ",
		"gateway:99999":               " ",
		"a:b:c":                       " ",
		"":                            " ",
	} {
		if host, port := addressOf(target); host+" "+port != want {
			t.Errorf("%s: got %q, %q", target, host, port)
		}
	}
}
