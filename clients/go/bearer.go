package llmgateway

import "context"

// bearer is a key, sent with every call.
type bearer string

// GetRequestMetadata returns the metadata that carries the key.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity lets the key be sent in plain text: gateways on loopback and in clusters have no TLS.
func (b bearer) RequireTransportSecurity() bool { return false }
