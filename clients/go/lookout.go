package llmgateway

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

const (
	lookTimeout = time.Second
	// What was found serves the calls that fail so soon after it: they fail for the same reason.
	findingLifetime = time.Second

	// What a client of HTTP/2 says first: the preface and an empty SETTINGS frame.
	clientGreeting   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	frameHeaderBytes = 9
	settingsFrame    = 4
	// What gRPC takes where a target names no port.
	defaultPort = "443"
)

// A lookout finds out why a gateway cannot be reached, by a look at its address: the library's words for it differ from
// version to version, and do not say what to do.
type lookout struct {
	// Empty where there is nothing to look at.
	host, port string
	tls        *tls.Config
	now        func() time.Time

	mutex sync.Mutex
	last  *look
}

// look is one look. What it found may be read once it is done.
type look struct {
	done    chan struct{}
	ended   time.Time
	finding finding
}

// finding is what to tell the caller; empty where nothing was found out.
type finding struct {
	message string
	// Whether the library's own words belong behind it.
	quotes bool
}

func says(format string, arguments ...any) finding {
	return finding{message: fmt.Sprintf(format, arguments...)}
}

func newLookout(target string, s *settings) *lookout {
	l := &lookout{tls: s.tls, now: time.Now}
	// Options of the caller's may lead elsewhere, or by another transport, than a look would.
	if len(s.dialOptions) == 0 {
		l.host, l.port = addressOf(target)
	}
	return l
}

// explain makes a failure's message say what to do, if the library made the failure itself and a look at the address
// tells why. It waits no longer than the call may last.
func (l *lookout) explain(ctx context.Context, e *Error) {
	if l.host == "" || !isLibrarysOwn(e) {
		return
	}
	found := l.find(ctx)
	if found.message == "" {
		return
	}
	if found.quotes {
		found.message += fmt.Sprintf(" (%s)", e.Message)
	}
	e.Message, e.Kind = found.message, KindUnavailable
}

// isLibrarysOwn tells whether a status is the library's own, made because it could not reach a gateway: nothing in it
// is of the gateway.
func isLibrarysOwn(e *Error) bool {
	if e.Started || e.CallID != "" || e.ReasonName != unspecifiedReason {
		return false
	}
	return e.Code == codes.Unavailable || e.Code == codes.Unknown || e.Code == codes.Internal
}

// find returns what a look finds: that of the running one, or of one just ended, or of a new one.
func (l *lookout) find(ctx context.Context) finding {
	current := l.current()
	select {
	case <-current.done:
		return current.finding
	case <-ctx.Done():
		return finding{}
	}
}

func (l *lookout) current() *look {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.last == nil || l.isOver(l.last) {
		l.last = &look{done: make(chan struct{})}
		go l.run(l.last)
	}
	return l.last
}

// isOver tells whether what a look found is out of date.
func (l *lookout) isOver(last *look) bool {
	select {
	case <-last.done:
		return l.now().Sub(last.ended) >= findingLifetime
	default:
		return false
	}
}

// run looks on behalf of all calls that wait for it, so that none of them can end it.
func (l *lookout) run(current *look) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	current.finding = l.look(ctx)
	current.ended = l.now()
	close(current.done)
}

func (l *lookout) look(ctx context.Context) finding {
	if l.isProxied() {
		return finding{}
	}
	connection, err := l.connect(ctx)
	if err != nil {
		return l.unreachable(err)
	}
	defer connection.Close()
	switch heard := greet(ctx, connection); {
	case strings.HasPrefix(string(heard.bytes), "HTTP/1"):
		return says("%s speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. "+
			"Give its gRPC port (50051 unless configured otherwise).", l.address())
	case heard.isSettings() && l.tls != nil:
		return says("%s speaks plain text, not TLS: connect without TLS, or give the port that has it.", l.address())
	case !heard.isAlert() && !heard.isSilence():
		return finding{}
	case l.tls == nil:
		return says("%s does not speak gRPC in plain text, so it may want TLS: connect with TLS.", l.address())
	case l.refusesTLS(ctx):
		found := says("The TLS handshake with %s failed: check that the root certificates sign the server's "+
			"certificate, that the certificate names %s, and that a client certificate is given if the server asks "+
			"for one.", l.address(), l.host)
		found.quotes = true
		return found
	default:
		return finding{}
	}
}

// isProxied tells whether gRPC goes by a proxy, whose sight a look of our own would not share.
func (l *lookout) isProxied() bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: l.address()}})
	return proxy != nil || err != nil
}

func (l *lookout) connect(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", l.address())
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return connection, nil
}

// unreachable tells what it means that no connection came about; nothing where the fault may be this machine's own.
func (l *lookout) unreachable(err error) finding {
	if unresolved, ok := errors.AsType[*net.DNSError](err); ok {
		if unresolved.IsNotFound {
			return says("%s is no known host name: correct the target.", l.host)
		}
		return finding{}
	}
	failed, ok := errors.AsType[*os.SyscallError](err)
	if isTimeout(err) || (ok && strings.HasPrefix(failed.Syscall, "connect")) {
		return says("Nothing answers at %s: start the gateway there (llmgateway serve), or correct the target.", l.address())
	}
	return finding{}
}

// refusesTLS tells whether the server refuses a handshake that is as the client's own, or this client the server's
// certificate. A server may refuse a client's certificate only after the handshake: what it says then counts, too.
func (l *lookout) refusesTLS(ctx context.Context) bool {
	connection, err := l.connect(ctx)
	if err != nil {
		return false
	}
	defer connection.Close()
	config := l.tls.Clone()
	config.ServerName = l.host
	config.NextProtos = []string{"h2"}
	secured := tls.Client(connection, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return !isTimeout(err)
	}
	return greet(ctx, secured).isSilence()
}

func (l *lookout) address() string { return net.JoinHostPort(l.host, l.port) }

// heard is what a server said first, and how it ended if it said too little.
type heard struct {
	bytes []byte
	err   error
}

// greet greets a server as a client of HTTP/2 does, and listens until it can be told what the server speaks.
func greet(ctx context.Context, connection net.Conn) heard {
	if _, err := connection.Write([]byte(clientGreeting)); err != nil {
		return heard{err: err}
	}
	var answer heard
	buffer := make([]byte, frameHeaderBytes)
	for len(answer.bytes) < frameHeaderBytes && !answer.isAlert() && ctx.Err() == nil {
		count, err := connection.Read(buffer)
		answer.bytes = append(answer.bytes, buffer[:count]...)
		if err != nil {
			answer.err = err
			break
		}
	}
	return answer
}

// isSettings tells whether the server speaks HTTP/2: its first frame is SETTINGS, of the connection as a whole.
func (h heard) isSettings() bool {
	return len(h.bytes) >= frameHeaderBytes && h.bytes[3] == settingsFrame && binary.BigEndian.Uint32(h.bytes[5:9]) == 0
}

// isAlert tells whether the server answered as TLS does to what is no TLS.
func (h heard) isAlert() bool { return strings.HasPrefix(string(h.bytes), "\x15\x03") }

// isSilence tells whether the server closed the connection without a word.
func (h heard) isSilence() bool { return len(h.bytes) == 0 && h.err != nil && !isTimeout(h.err) }

func isTimeout(err error) bool {
	failed, ok := errors.AsType[net.Error](err)
	return ok && failed.Timeout()
}

// addressOf returns host and port of a target that is `host:port` or a name of DNS; nothing for any other.
func addressOf(target string) (host, port string) {
	name, isDNS := strings.CutPrefix(target, "dns:")
	if rest, ok := strings.CutPrefix(name, "//"); ok && isDNS {
		_, name, _ = strings.Cut(rest, "/")
	}
	if name == "" || strings.Contains(name, "/") {
		return "", ""
	}
	host, port, err := net.SplitHostPort(name)
	switch {
	case err != nil && (net.ParseIP(name) != nil || !strings.Contains(name, ":")):
		return name, defaultPort
	case err != nil:
		return "", ""
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", ""
	}
	return host, port
}
