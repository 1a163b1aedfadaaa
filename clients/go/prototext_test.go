package llmgateway_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// parse fills a message from its text form.
func parse[Message proto.Message](t testing.TB, message Message, text string) Message {
	t.Helper()
	if err := prototext.Unmarshal([]byte(text), message); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return message
}

// parseEvents returns events from their text form, one each.
func parseEvents(t testing.TB, texts ...string) []*llmgatewayv1.GenerationEvent {
	t.Helper()
	var events []*llmgatewayv1.GenerationEvent
	for _, text := range texts {
		events = append(events, parse(t, &llmgatewayv1.GenerationEvent{}, text))
	}
	return events
}

func parseResponse(t testing.TB, text string) *llmgatewayv1.GenerateResponse {
	t.Helper()
	return parse(t, &llmgatewayv1.GenerateResponse{}, text)
}

// checkMessage fails the test where two messages differ.
func checkMessage(t testing.TB, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", prototext.Format(got), prototext.Format(want))
	}
}
