package llmgateway_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// hello is a stream as the contract has it, in messages of several events.
var hello = [][]string{
	{`sequence_number: 1 started { call { call_id: "call-1" } }`},
	{
		`sequence_number: 2 part_started { part { reasoning { text: "hm" } } }`, `sequence_number: 3 part_delta { text: "?" }`,
		`sequence_number: 4 part_finished {}`, `sequence_number: 5 part_started { index: 1 part { text: "Hel" } }`,
	},
	{`heartbeat {}`, `sequence_number: 6`, `sequence_number: 7 candidate_index: 1 part_started { part { text: "other" } }`},
	{`sequence_number: 8 part_delta { index: 1 text: "lo" }`, `sequence_number: 9 part_finished { index: 1 }`},
	{`sequence_number: 10 part_started { index: 2 part { refusal: "no" } }`, `sequence_number: 11 part_delta { index: 2 text: "!" }`},
	{`sequence_number: 12 part_finished { index: 2 }`, `sequence_number: 13 candidate_finished {}`},
	{`sequence_number: 14 candidate_index: 1 part_finished {}`, `sequence_number: 15 candidate_index: 1 candidate_finished {}`},
	{`sequence_number: 16 finished { usage { output_token_count: 2 } }`},
}

// send sends messages of events, as far as the caller listens.
func send(t testing.TB, answers streamServer, messages ...[]string) {
	t.Helper()
	for _, events := range messages {
		err := answers.Send(&llmgatewayv1.StreamGenerateResponse{Events: parseEvents(t, events...)})
		if err != nil && answers.Context().Err() == nil {
			t.Error(err)
		}
	}
}

// sending returns a stream of a gateway that sends messages and ends with an error, if any.
func sending(t testing.TB, end error, messages ...[]string) *llmgateway.Stream {
	t.Helper()
	return streaming(t, func(answers streamServer) error {
		send(t, answers, messages...)
		return end
	}).Stream(t.Context(), llmgateway.Prompt("m", "Hello"))
}

func streaming(t testing.TB, stream func(streamServer) error) *llmgateway.Client {
	t.Helper()
	return connect(t, serve(t, &gateway{
		stream: func(_ *llmgatewayv1.GenerateRequest, answers streamServer) error { return stream(answers) },
	}))
}

// read reads a stream to its end, and returns its events and its error.
func read(stream *llmgateway.Stream) ([]*llmgatewayv1.GenerationEvent, error) {
	var events []*llmgatewayv1.GenerationEvent
	for event, err := range stream.Events() {
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
	return events, nil
}

func TestAStreamYieldsEveryEventAndItsFold(t *testing.T) {
	stream := sending(t, nil, hello...)
	events, err := read(stream)
	if err != nil {
		t.Fatal(err)
	}
	sent := parseEvents(t, slices.Concat(hello...)...)
	if len(events) != len(sent) {
		t.Fatalf("got %d events, not %d", len(events), len(sent))
	}
	for index, event := range events {
		checkMessage(t, event, sent[index])
	}
	whole, err := llmgateway.FoldEvents(sent)
	if err != nil || !stream.Finished() {
		t.Errorf("finished: %t, %v", stream.Finished(), err)
	}
	checkMessage(t, stream.Response(), whole)
	if again, err := read(stream); err != nil || len(again) != 0 {
		t.Errorf("after its end: got %v, %v", again, err)
	}
}

func TestAStreamYieldsTheTextOfOneCandidate(t *testing.T) {
	for index, want := range [][]string{{"Hel", "lo"}, {"other"}, nil} {
		var pieces []string
		for piece, err := range sending(t, nil, hello...).CandidateText(int32(index)) {
			if err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, piece)
		}
		if !slices.Equal(pieces, want) {
			t.Errorf("candidate %d: got %q", index, pieces)
		}
	}
}

func TestAStreamIsCollected(t *testing.T) {
	answer, err := sending(t, nil, hello...).Collect()
	if err != nil || llmgateway.Text(answer) != "Hello" {
		t.Errorf("got %v, %v", answer, err)
	}
}

func TestAFailureEndsEveryWayToReadAStream(t *testing.T) {
	end := status.Error(codes.NotFound, "Name another.")
	if answer, err := sending(t, end).Collect(); !errors.Is(err, llmgateway.KindNotFound) {
		t.Errorf("got %v, %v", answer, err)
	}
	var errs []error
	stream := sending(t, end)
	for piece, err := range stream.Text() {
		errs = append(errs, err)
		if piece != "" {
			t.Errorf("got %q", piece)
		}
	}
	if len(errs) != 1 || !errors.Is(errs[0], llmgateway.KindNotFound) {
		t.Errorf("got %v", errs)
	}
	if _, err := stream.Collect(); !errors.Is(err, llmgateway.KindNotFound) {
		t.Errorf("read again: got %v", err)
	}
}

func TestAFailureTellsWhetherContentHadCome(t *testing.T) {
	for _, c := range []struct {
		name    string
		code    codes.Code
		sent    [][]string
		kind    llmgateway.Kind
		started bool
	}{
		{"before anything", codes.Unavailable, nil, llmgateway.KindUnavailable, false},
		{"before content", codes.Unavailable, hello[:1], llmgateway.KindUnavailable, false},
		{"after content", codes.Unavailable, hello[:2], llmgateway.KindStreamBroken, true},
		{"after content, of another kind", codes.DeadlineExceeded, hello[:2], llmgateway.KindDeadlineExceeded, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := streaming(t, func(answers streamServer) error {
				answers.SetTrailer(metadata.Pairs("grpc-retry-pushback-ms", "-1", "x-request-id", "call-1"))
				send(t, answers, c.sent...)
				return status.Error(c.code, "Do this.")
			}).Stream(t.Context(), nil)
			events, err := read(stream)
			failed := asError(t, err)
			if failed.Kind != c.kind || failed.Started != c.started || failed.CallID != "call-1" {
				t.Errorf("got %+v", failed)
			}
			if sent := len(slices.Concat(c.sent...)); len(events) != sent {
				t.Errorf("got %d events, not %d", len(events), sent)
			}
			if c.started && !strings.Contains(stream.Response().String(), "hm?") {
				t.Errorf("kept: %v", stream.Response())
			}
		})
	}
}

func TestAStreamIsTriedAgainOnlyBeforeItsFirstMessage(t *testing.T) {
	for _, c := range []struct {
		sent  [][]string
		tries int64
	}{{nil, 4}, {hello[:1], 1}} {
		var tries atomic.Int64
		stream := streaming(t, func(answers streamServer) error {
			tries.Add(1)
			answers.SetTrailer(metadata.Pairs("grpc-retry-pushback-ms", "0", "x-request-id", "call-1"))
			send(t, answers, c.sent...)
			return status.Error(codes.Unavailable, "Try again.")
		}).Stream(t.Context(), nil)
		if _, err := read(stream); !errors.Is(err, llmgateway.KindUnavailable) || tries.Load() != c.tries {
			t.Errorf("after %d messages: got %v after %d tries", len(c.sent), err, tries.Load())
		}
	}
}

func TestAStreamThatIsNotAsTheContractHasItIsBroken(t *testing.T) {
	for _, c := range []struct {
		name    string
		sent    [][]string
		message string
		started bool
	}{
		{"no last event", hello[:2], "The stream ended without its last event.", true},
		{"nothing at all", nil, "The stream ended without its last event.", false},
		{"only its start", hello[:1], "The stream ended without its last event.", false},
		{
			"a delta of nothing", slices.Concat(hello[:1], [][]string{{`part_delta {}`}}),
			"The stream makes no sense: candidate 0, part 0: part_delta comes while the part is not open.", false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := sending(t, nil, c.sent...).Collect()
			failed := asError(t, err)
			if failed.Kind != llmgateway.KindStreamBroken || failed.Code != codes.Internal || failed.Message != c.message {
				t.Errorf("got %v", err)
			}
			if failed.Started != c.started || failed.CallID != map[bool]string{true: "call-1"}[len(c.sent) > 0] {
				t.Errorf("got %+v", failed)
			}
			if status.Code(err) != codes.Internal {
				t.Errorf("got %v", status.Code(err))
			}
		})
	}
}

func TestAGrammarErrorIsTheCause(t *testing.T) {
	_, err := sending(t, nil, []string{`finished {}`}).Collect()
	if cause, ok := errors.AsType[*llmgateway.GrammarError](err); !ok || !strings.HasPrefix(cause.Message, "finished precedes started") {
		t.Errorf("got %v", err)
	}
}

// endless sends its beginning and goes on until the caller has gone, which it tells.
func endless(t testing.TB, gone chan<- struct{}) func(streamServer) error {
	return func(answers streamServer) error {
		send(t, answers, hello[:2]...)
		<-answers.Context().Done()
		close(gone)
		return answers.Context().Err()
	}
}

func TestLeavingARangeCancelsTheCall(t *testing.T) {
	for name, leave := range map[string]func(*llmgateway.Stream){
		"events": func(stream *llmgateway.Stream) {
			for range stream.Events() {
				return
			}
		},
		"text": func(stream *llmgateway.Stream) {
			for range stream.Text() {
				return
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			gone := make(chan struct{})
			stream := streaming(t, endless(t, gone)).Stream(t.Context(), nil)
			leave(stream)
			<-gone
			if _, err := read(stream); err != llmgateway.ErrClosed || stream.Finished() {
				t.Errorf("got %v, finished: %t", err, stream.Finished())
			}
		})
	}
}

func TestAPanicInARangeCancelsTheCall(t *testing.T) {
	gone := make(chan struct{})
	stream := streaming(t, endless(t, gone)).Stream(t.Context(), nil)
	func() {
		defer func() {
			if recover() != "enough" {
				t.Error("the panic was lost")
			}
		}()
		for range stream.Events() {
			panic("enough")
		}
	}()
	<-gone
}

func TestAStreamIsClosedWhileAnotherGoroutineReads(t *testing.T) {
	gone := make(chan struct{})
	stream := streaming(t, endless(t, gone)).Stream(t.Context(), nil)
	var events int
	for _, err := range stream.Events() {
		if err != nil {
			if err != llmgateway.ErrClosed {
				t.Errorf("got %v", err)
			}
			break
		}
		if events++; events == len(slices.Concat(hello[:2]...)) {
			go stream.Close()
		}
	}
	<-gone
}

func TestNoEventComesAfterAStreamIsClosed(t *testing.T) {
	gone := make(chan struct{})
	stream := streaming(t, endless(t, gone)).Stream(t.Context(), nil)
	var events int
	for _, err := range stream.Events() {
		if err != nil {
			if err != llmgateway.ErrClosed {
				t.Errorf("got %v", err)
			}
			break
		}
		// Of the second message's events this is the first.
		if events++; events == 2 {
			stream.Close()
		}
	}
	if events != 2 {
		t.Errorf("got %d events", events)
	}
	<-gone
}

func TestAStreamThatIsClosedBeforeItBeginsMakesNoCall(t *testing.T) {
	stream := streaming(t, func(streamServer) error {
		t.Error("called")
		return io.EOF
	}).Stream(t.Context(), nil)
	stream.Close()
	if _, err := read(stream); err != llmgateway.ErrClosed {
		t.Errorf("got %v", err)
	}
}

func TestTheContextBoundsAStream(t *testing.T) {
	gone := make(chan struct{})
	client := streaming(t, endless(t, gone))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := client.Stream(ctx, nil).Collect()
	if failed := asError(t, err); !errors.Is(err, context.DeadlineExceeded) || failed.Kind != llmgateway.KindDeadlineExceeded {
		t.Errorf("got %v", err)
	}
	<-gone
}

func TestTheContextCancelsAStream(t *testing.T) {
	gone := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream := streaming(t, endless(t, gone)).Stream(ctx, nil)
	var failed error
	for event, err := range stream.Events() {
		failed = err
		if event.GetPartStarted() != nil {
			cancel()
		}
	}
	if !errors.Is(failed, context.Canceled) || !asError(t, failed).Started {
		t.Errorf("got %v", failed)
	}
	<-gone
}

func TestAStreamThatHasEndedFreesItsConnection(t *testing.T) {
	peers := map[string]bool{}
	client := streaming(t, func(answers streamServer) error {
		caller, _ := peer.FromContext(answers.Context())
		peers[caller.Addr.String()] = true
		send(t, answers, hello...)
		return nil
	})
	for range 4 {
		if _, err := client.Stream(t.Context(), nil).Collect(); err != nil {
			t.Fatal(err)
		}
	}
	if len(peers) != 1 {
		t.Errorf("got %v", peers)
	}
}
