package llmgateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	// DefaultTarget is where a gateway listens unless configured otherwise.
	DefaultTarget = "127.0.0.1:50051"
	// DefaultTimeout bounds a call whose context has no deadline.
	DefaultTimeout = 600 * time.Second
	// DefaultChannels is the most connections to each address.
	DefaultChannels = 4

	userAgent = "llmgateway-go"

	maxReceivedBytes = 64 << 20
	// A request larger than this buffer could not be sent again: as large as the largest that the gateway takes.
	retryBufferBytes = 32 << 20
	// Models are silent for minutes: without pings a connection that died in the meantime goes unnoticed, and one that
	// lives is cut by whatever lies between. The gateway permits a ping every 20 s.
	keepaliveInterval = 30 * time.Second
	keepaliveTimeout  = 10 * time.Second
	// A restarted gateway is found again within seconds; the library's default waits for up to two minutes.
	maxReconnectBackoff = 5 * time.Second
	minConnectTimeout   = 20 * time.Second
)

// The service config (gRPC proposals A6, client retries, and A24, load balancing).
//
// A try ends for good with the first message or early metadata, so that nothing is answered twice. The gateway has
// tried the targets itself and says so by push-back: what is left is a gateway that restarts or cannot be reached.
// CANCELLED is what gRPC's server says of a call that comes between its stop and the news of it (GOAWAY), before any
// handler has seen it; a caller's own cancel is never tried again. RESOURCE_EXHAUSTED is not here: a rate limit may last
// for minutes, and a request that is too large stays so.
//
// Every failed try takes one of the tokens, every call that succeeds gives half a one back; below half of them nothing
// is tried again. A rolling restart fails dozens of calls at once, an outage thousands.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"methodConfig": [{
		"name": [{"service": "llmgateway.v1.LLMGateway"}],
		"retryPolicy": {
			"maxAttempts": 4,
			"initialBackoff": "0.1s",
			"maxBackoff": "2s",
			"backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"]
		}
	}],
	"retryThrottling": {"maxTokens": 100, "tokenRatio": 0.5}
}`

// An Option sets up a [Client].
type Option func(*settings) error

// settings are what the options of a client add up to.
type settings struct {
	key         string
	tls         *tls.Config
	timeout     time.Duration
	channels    int
	dialOptions []grpc.DialOption
}

// WithKey sends a key with every call; in plain text where there is no TLS.
func WithKey(key string) Option {
	return func(s *settings) error {
		if !isSendable(key) {
			return errors.New("the key must be printable ASCII without spaces: was it copied with a line break?")
		}
		s.key = key
		return nil
	}
}

// WithTLS asks for TLS, by the authorities that the system trusts unless [WithRootCertificates] names others.
func WithTLS() Option {
	return func(s *settings) error {
		s.wantTLS()
		return nil
	}
}

// WithRootCertificates asks for TLS by a server whose certificate one of these signs. They are PEM.
func WithRootCertificates(pem []byte) Option {
	return func(s *settings) error {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return errors.New("the root certificates hold no certificate in PEM")
		}
		s.wantTLS().RootCAs = roots
		return nil
	}
}

// WithClientCertificate asks for TLS and shows the server a certificate (mTLS). Certificate and key are PEM.
func WithClientCertificate(certificate, key []byte) Option {
	return func(s *settings) error {
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return fmt.Errorf("the client's certificate and key make no pair: %w", err)
		}
		s.wantTLS().Certificates = []tls.Certificate{pair}
		return nil
	}
}

// WithTimeout bounds a call whose context has no deadline, retries and waits included. The default is
// [DefaultTimeout]; 0 leaves the bound to the gateway.
func WithTimeout(timeout time.Duration) Option {
	return func(s *settings) error {
		if timeout < 0 {
			return fmt.Errorf("the time-out must not be negative, as %v is", timeout)
		}
		s.timeout = timeout
		return nil
	}
}

// WithChannels sets how many connections to each address are opened, at most, as calls run at once. One HTTP/2
// connection sticks to one server process, which bounds the calls on it. The default is [DefaultChannels].
func WithChannels(channels int) Option {
	return func(s *settings) error {
		if channels < 1 {
			return fmt.Errorf("channels must be at least 1, not %d", channels)
		}
		s.channels = channels
		return nil
	}
}

// WithDialOptions hands options to gRPC, for example interceptors. They override those of this client.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) error {
		s.dialOptions = append(s.dialOptions, options...)
		return nil
	}
}

func newSettings(options []Option) (*settings, error) {
	s := &settings{timeout: DefaultTimeout, channels: DefaultChannels}
	for _, option := range options {
		if err := option(s); err != nil {
			return nil, fmt.Errorf("llmgateway: %w", err)
		}
	}
	return s, nil
}

func (s *settings) wantTLS() *tls.Config {
	if s.tls == nil {
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return s.tls
}

// allDialOptions returns how each connection is made. Of two that set the same thing the later one counts.
func (s *settings) allDialOptions() []grpc.DialOption {
	transport := insecure.NewCredentials()
	if s.tls != nil {
		transport = credentials.NewTLS(s.tls)
	}
	reconnect := backoff.DefaultConfig
	reconnect.MaxDelay = maxReconnectBackoff
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithUserAgent(userAgent),
		grpc.WithDefaultServiceConfig(serviceConfig),
		// Whoever serves DNS does not decide how often is tried again.
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxReceivedBytes),
			grpc.MaxRetryRPCBufferSize(retryBufferBytes),
		),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:                keepaliveInterval,
			Timeout:             keepaliveTimeout,
			PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: minConnectTimeout}),
	}
	if s.key != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(s.key)))
	}
	return append(options, s.dialOptions...)
}

// openChannel returns connections to a target, which are made with the first calls.
func openChannel(target string, s *settings) (*spread, error) {
	opened := &spread{}
	for range s.channels {
		connection, err := grpc.NewClient(target, s.allDialOptions()...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("llmgateway: %w", err), opened.Close())
		}
		opened.lanes = append(opened.lanes, &lane{connection: connection})
	}
	return opened, nil
}

func isSendable(key string) bool {
	for _, char := range []byte(key) {
		if char <= ' ' || char > '~' {
			return false
		}
	}
	return key != ""
}
