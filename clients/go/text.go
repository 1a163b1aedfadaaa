package llmgateway

import (
	"strings"

	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// Text returns the text of an answer's first candidate. See [CandidateText].
func Text(response *llmgatewayv1.GenerateResponse) string {
	return CandidateText(response, 0)
}

// CandidateText returns the text parts of one candidate, joined; empty where it has none. Reasoning is no text, nor is
// a refusal.
func CandidateText(response *llmgatewayv1.GenerateResponse, index int32) string {
	var text strings.Builder
	for _, candidate := range response.GetCandidates() {
		if candidate.GetIndex() != index {
			continue
		}
		for _, part := range candidate.GetMessage().GetParts() {
			text.WriteString(part.GetText())
		}
	}
	return text.String()
}
