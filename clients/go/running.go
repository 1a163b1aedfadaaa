package llmgateway

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// ErrClosed tells that a stream was read after it was closed, or left before its end.
var ErrClosed = errors.New("llmgateway: the stream is closed")

// running is a call that answers with messages: begun when it is first read, canceled when it is let go of.
type running[Message any] struct {
	client *Client
	begin  func(context.Context) (grpc.ServerStreamingClient[Message], error)
	// The caller's until the call begins, bounded and cancelable from then on. It is kept because a stream begins
	// later than it is made.
	ctx    context.Context
	stream grpc.ServerStreamingClient[Message]
	came   bool

	// Guards what follows: closing is the only thing that may be done while another goroutine reads.
	mutex  sync.Mutex
	cancel context.CancelFunc
	closed bool
}

// read returns the next message; io.EOF after the last one; ErrClosed; or an [*Error], which says whether content had
// come by the caller's word.
func (r *running[Message]) read(contentCame bool) (*Message, error) {
	message, err := r.next()
	switch {
	case err == nil:
		r.came = true
		return message, nil
	case err == io.EOF:
		return nil, io.EOF
	case r.isClosed():
		return nil, ErrClosed
	}
	var trailer metadata.MD
	if r.stream != nil {
		trailer = r.stream.Trailer()
	}
	failed := errorOf(err, trailer, contentCame)
	if !r.came {
		r.client.lookout.explain(r.ctx, failed)
	}
	return nil, failed
}

func (r *running[Message]) next() (*Message, error) {
	if r.stream == nil {
		if err := r.open(); err != nil {
			return nil, err
		}
	}
	return r.stream.Recv()
}

func (r *running[Message]) open() error {
	r.mutex.Lock()
	if r.closed {
		r.mutex.Unlock()
		return ErrClosed
	}
	r.ctx, r.cancel = r.client.bound(r.ctx)
	r.mutex.Unlock()
	stream, err := r.begin(r.ctx)
	if err != nil {
		return err
	}
	r.stream = stream
	return nil
}

func (r *running[Message]) isClosed() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.closed
}

// close cancels the call unless it has ended.
func (r *running[Message]) close() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.closed = true
	if r.cancel != nil {
		r.cancel()
	}
}
