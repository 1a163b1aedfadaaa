package llmgateway

import (
	"testing"

	"google.golang.org/grpc"
)

func TestACallGoesToTheConnectionWithTheFewestRunning(t *testing.T) {
	first, second := &grpc.ClientConn{}, &grpc.ClientConn{}
	s := &spread{lanes: []*lane{{connection: first}, {connection: second}}}
	take := func(want *grpc.ClientConn, why string) func() {
		t.Helper()
		taken, release := s.take()
		if taken != want {
			t.Error(why)
		}
		return release
	}
	release := take(first, "of equals not the first was taken")
	take(second, "one that is busier was taken")
	take(first, "of equals not the first was taken")
	release()
	release()
	take(first, "of equals not the first was taken, or a call ended twice")
	take(second, "one that is busier was taken")
}
