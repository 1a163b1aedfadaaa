package main

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/proto"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
)

// answer is what a call showed. What is nil did not come.
type answer struct {
	Name       string          `json:"name"`
	Events     []any           `json:"events,omitzero"`
	Text       *string         `json:"text,omitzero"`
	Response   []byte          `json:"response,omitzero"`
	IsFinished *bool           `json:"is_finished,omitzero"`
	Models     []comparedModel `json:"models,omitzero"`
	ModelIDs   []string        `json:"model_ids,omitzero"`
	Error      *failure        `json:"error,omitzero"`
	Left       bool            `json:"left,omitzero"`
	Cancelled  bool            `json:"cancelled,omitzero"`
	Sent       []byte          `json:"sent,omitzero"`
	FollowUp   []byte          `json:"follow_up,omitzero"`
	Repeat     *repeated       `json:"repeat,omitzero"`
	ElapsedMS  int64           `json:"elapsed_ms"`
}

type comparedEvent struct {
	ModelIndex int      `json:"model_index"`
	Event      []byte   `json:"event,omitzero"`
	Error      *failure `json:"error,omitzero"`
}

type comparedModel struct {
	Name     string   `json:"name"`
	Response []byte   `json:"response"`
	Error    *failure `json:"error"`
}

type repeated struct {
	Succeeded int            `json:"succeeded"`
	Failed    map[string]int `json:"failed"`
}

// failure is an error as the cases expect it.
type failure struct {
	Kind            string            `json:"kind"`
	Code            string            `json:"code"`
	Reason          string            `json:"reason"`
	Message         string            `json:"message"`
	Metadata        map[string]string `json:"metadata"`
	RetryAfterMS    *int64            `json:"retry_after_ms"`
	CallID          string            `json:"call_id"`
	Started         bool              `json:"started"`
	Attempts        [][]byte          `json:"attempts"`
	Usage           []byte            `json:"usage"`
	ProviderMessage string            `json:"provider_message"`
	Violations      []violation       `json:"violations"`
	QuotaViolations [][]byte          `json:"quota_violations"`
	IsDeadlineError bool              `json:"is_deadline_error"`
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

func describe(failed *llmgateway.Error) *failure {
	described := &failure{
		Kind:            failed.Kind.String(),
		Code:            code.Code(failed.Code).String(),
		Reason:          failed.ReasonName,
		Message:         failed.Message,
		Metadata:        map[string]string{},
		CallID:          failed.CallID,
		Started:         failed.Started,
		Attempts:        encodeAll(failed.Attempts),
		ProviderMessage: failed.ProviderMessage,
		Violations:      []violation{},
		QuotaViolations: encodeAll(failed.QuotaViolations),
		IsDeadlineError: errors.Is(failed, context.DeadlineExceeded),
	}
	if failed.Metadata != nil {
		described.Metadata = failed.Metadata
	}
	if failed.RetryAfter != nil {
		described.RetryAfterMS = new(failed.RetryAfter.Milliseconds())
	}
	if failed.Usage != nil {
		described.Usage = encode(failed.Usage)
	}
	for _, wrong := range failed.Violations {
		described.Violations = append(described.Violations, violation(wrong))
	}
	return described
}

// describeAny returns nil for a model that has not failed.
func describeAny(failed *llmgateway.Error) *failure {
	if failed == nil {
		return nil
	}
	return describe(failed)
}

func encodeAll[Message proto.Message](messages []Message) [][]byte {
	encoded := make([][]byte, 0, len(messages))
	for _, message := range messages {
		encoded = append(encoded, encode(message))
	}
	return encoded
}

// encode returns a message's bytes, never nil: an empty message is not an absent one.
func encode(message proto.Message) []byte {
	encoded, err := proto.MarshalOptions{}.MarshalAppend([]byte{}, message)
	if err != nil {
		panic(err) // A message that came off the wire goes back onto it.
	}
	return encoded
}
