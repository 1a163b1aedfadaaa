package llmgateway

import llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"

// A PromptOption adds to a request that [Prompt] or [CompareModels] makes. Anything without an option of its own is a
// field of the request.
type PromptOption func(*llmgatewayv1.GenerateRequest)

// System puts an instruction before the prompt.
func System(text string) PromptOption {
	return func(request *llmgatewayv1.GenerateRequest) {
		instruction := TextMessage(llmgatewayv1.Role_ROLE_SYSTEM, text)
		request.Messages = append([]*llmgatewayv1.ChatMessage{instruction}, request.Messages...)
	}
}

// Temperature sets the randomness, 0 to 2.
func Temperature(temperature float64) PromptOption {
	return func(request *llmgatewayv1.GenerateRequest) {
		if request.Sampling == nil {
			request.Sampling = &llmgatewayv1.Sampling{}
		}
		request.Sampling.Temperature = &temperature
	}
}

// MaxOutputTokens sets the most tokens to write, reasoning included.
func MaxOutputTokens(count int32) PromptOption {
	return func(request *llmgatewayv1.GenerateRequest) {
		request.MaxOutputTokenCount = &count
	}
}

// Prompt returns a request that asks a model, or a route, the user's text.
func Prompt(model, text string, options ...PromptOption) *llmgatewayv1.GenerateRequest {
	request := &llmgatewayv1.GenerateRequest{
		Model:    model,
		Messages: []*llmgatewayv1.ChatMessage{TextMessage(llmgatewayv1.Role_ROLE_USER, text)},
	}
	for _, option := range options {
		option(request)
	}
	return request
}

// CompareModels returns a request that asks several models the user's text. The options hold for each.
func CompareModels(models []string, text string, options ...PromptOption) *llmgatewayv1.CompareRequest {
	return &llmgatewayv1.CompareRequest{Generation: Prompt("", text, options...), Models: models}
}

// EmbedTexts returns a request for a vector of each text.
func EmbedTexts(model string, texts ...string) *llmgatewayv1.EmbedRequest {
	request := &llmgatewayv1.EmbedRequest{Model: model}
	for _, text := range texts {
		input := &llmgatewayv1.EmbedInput{Input: &llmgatewayv1.EmbedInput_Text{Text: text}}
		request.Inputs = append(request.Inputs, input)
	}
	return request
}

// TextMessage returns a message of one text part.
func TextMessage(role llmgatewayv1.Role, text string) *llmgatewayv1.ChatMessage {
	return &llmgatewayv1.ChatMessage{Role: role, Parts: []*llmgatewayv1.Part{TextPart(text)}}
}

// TextPart returns a part of plain text.
func TextPart(text string) *llmgatewayv1.Part {
	return &llmgatewayv1.Part{Content: &llmgatewayv1.Part_Text{Text: text}}
}
