package llmgateway

import (
	"fmt"
	"io"
	"iter"

	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// A Stream is the events of one generation, one by one. The call begins when it is first read:
//
//	stream := client.Stream(ctx, llmgateway.Prompt("mock/echo", "Hello"))
//	for piece, err := range stream.Text() {
//		if err != nil {
//			return err
//		}
//		fmt.Print(piece)
//	}
//	fmt.Println(stream.Response().GetUsage())
//
// Leaving the range early cancels the call, and the provider stops working. One goroutine reads a stream; any may
// close it.
type Stream struct {
	call        *running[llmgatewayv1.StreamGenerateResponse]
	pending     []*llmgatewayv1.GenerationEvent
	fold        Fold
	contentCame bool
	// Why no more events come; io.EOF after the last one.
	end error
}

// Response returns what the events so far add up to: the whole answer once the stream is finished. What came before a
// failure stays in it. See [Fold.Response].
func (s *Stream) Response() *llmgatewayv1.GenerateResponse { return s.fold.Response() }

// Finished tells whether the last event has come: the response is the whole answer.
func (s *Stream) Finished() bool { return s.fold.Finished() }

// Close cancels the call unless it has ended. No event comes afterwards. Whoever ranges over a stream need not close
// it.
func (s *Stream) Close() { s.call.close() }

// Events returns the events as they come, and at last the error if the call fails: an [*Error], or [ErrClosed] if the
// stream was closed before its end. Single use: leaving the range closes the stream.
//
// An event of a kind that is newer than this client has no GetEvent: skip it.
func (s *Stream) Events() iter.Seq2[*llmgatewayv1.GenerationEvent, error] {
	return func(yield func(*llmgatewayv1.GenerationEvent, error) bool) {
		defer s.Close()
		for {
			event, err := s.next()
			if err == io.EOF {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Text returns the text of the first candidate in pieces as it comes. See [Stream.CandidateText].
func (s *Stream) Text() iter.Seq2[string, error] { return s.CandidateText(0) }

// CandidateText returns the text of one candidate in pieces as it comes: that of text parts, without reasoning or
// refusals. It reads the stream as Events does.
func (s *Stream) CandidateText(index int32) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		texts := openTexts{}
		for event, err := range s.Events() {
			if err != nil {
				yield("", err)
				return
			}
			if event.GetCandidateIndex() != index {
				continue
			}
			if piece := texts.pieceOf(event); piece != "" && !yield(piece, nil) {
				return
			}
		}
	}
}

// Collect reads to the end and returns the whole answer.
func (s *Stream) Collect() (*llmgatewayv1.GenerateResponse, error) {
	for _, err := range s.Events() {
		if err != nil {
			return nil, err
		}
	}
	return s.Response(), nil
}

// next returns the next event, or why there is none.
func (s *Stream) next() (*llmgatewayv1.GenerationEvent, error) {
	if s.end == nil {
		s.end = s.fill()
	}
	if s.end != nil {
		return nil, s.end
	}
	event := s.pending[0]
	s.pending = s.pending[1:]
	if err := s.fold.Add(event); err != nil {
		s.end = s.broken(makesNoSense(err.Error()), err)
		return nil, s.end
	}
	s.contentCame = s.contentCame || isContent(event)
	return event, nil
}

// fill reads until there is an event.
func (s *Stream) fill() error {
	for len(s.pending) == 0 {
		message, err := s.call.read(s.contentCame)
		if err == io.EOF && !s.fold.Finished() {
			return s.broken("The stream ended without its last event.", nil)
		}
		if err != nil {
			return err
		}
		s.pending = message.GetEvents()
	}
	if s.call.isClosed() {
		return ErrClosed
	}
	return nil
}

func (s *Stream) broken(message string, cause error) *Error {
	failed := brokenStream(message, cause)
	failed.CallID = s.fold.call.GetCallId()
	failed.Started = s.contentCame
	return failed
}

// openTexts are the parts of one candidate whose kind is text.
type openTexts map[int32]bool

func (o openTexts) pieceOf(event *llmgatewayv1.GenerationEvent) string {
	switch event := event.GetEvent().(type) {
	case *llmgatewayv1.GenerationEvent_PartStarted:
		text, ok := event.PartStarted.GetPart().GetContent().(*llmgatewayv1.Part_Text)
		if ok {
			o[event.PartStarted.GetIndex()] = true
			return text.Text
		}
	case *llmgatewayv1.GenerationEvent_PartDelta:
		if o[event.PartDelta.GetIndex()] {
			return event.PartDelta.GetText()
		}
	}
	return ""
}

// isContent tells whether an event shows that content has come: see [Error.Started].
func isContent(event *llmgatewayv1.GenerationEvent) bool {
	switch event.GetEvent().(type) {
	case *llmgatewayv1.GenerationEvent_PartStarted, *llmgatewayv1.GenerationEvent_PartDelta,
		*llmgatewayv1.GenerationEvent_PartFinished, *llmgatewayv1.GenerationEvent_CandidateFinished,
		*llmgatewayv1.GenerationEvent_Finished:
		return true
	default:
		return false
	}
}

func makesNoSense(what string) string { return fmt.Sprintf("The stream makes no sense: %s.", what) }
