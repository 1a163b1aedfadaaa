package llmgateway

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
)

// spread is one connection made of several: a call goes to the one with the fewest running, of equals to the first.
// A caller that makes one call at a time uses one; the others are opened as calls run at once.
type spread struct {
	mutex sync.Mutex
	lanes []*lane
}

// lane is one of the connections, and how many calls run on it.
type lane struct {
	connection *grpc.ClientConn
	running    int
}

// Invoke makes a unary call.
func (s *spread) Invoke(ctx context.Context, method string, request, response any, options ...grpc.CallOption) error {
	connection, release := s.take()
	defer release()
	return connection.Invoke(ctx, method, request, response, options...)
}

// NewStream begins a call that streams; it counts until it has ended.
func (s *spread) NewStream(
	ctx context.Context, description *grpc.StreamDesc, method string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	connection, release := s.take()
	all := append([]grpc.CallOption{grpc.OnFinish(func(error) { release() })}, options...)
	stream, err := connection.NewStream(ctx, description, method, all...)
	if err != nil {
		release()
	}
	return stream, err
}

// Close closes every connection; running calls are canceled.
func (s *spread) Close() error {
	var errs []error
	for _, lane := range s.lanes {
		errs = append(errs, lane.connection.Close())
	}
	return errors.Join(errs...)
}

// take returns the connection with the fewest running calls, and what tells that a call on it has ended.
func (s *spread) take() (*grpc.ClientConn, func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	taken := s.lanes[0]
	for _, lane := range s.lanes[1:] {
		if lane.running < taken.running {
			taken = lane
		}
	}
	taken.running++
	return taken.connection, sync.OnceFunc(func() { s.release(taken) })
}

func (s *spread) release(lane *lane) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	lane.running--
}
