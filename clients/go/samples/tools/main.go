// Command tools lets a model call a function, and gives it what the function returned.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

const schema = `{"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}`

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()

	request := llmgateway.Prompt("mock/tool", "How is the weather in Oslo?")
	request.Tools = []*llmgatewayv1.Tool{{Kind: &llmgatewayv1.Tool_Function{Function: &llmgatewayv1.FunctionTool{
		Name:            "get_weather",
		Description:     "Tells the weather.",
		InputSchemaJson: schema,
	}}}}
	answer, err := client.Generate(ctx, request)
	if err != nil {
		return err
	}

	message := answer.GetCandidates()[0].GetMessage()
	results := &llmgatewayv1.ChatMessage{Role: llmgatewayv1.Role_ROLE_TOOL}
	for _, part := range message.GetParts() {
		if call := part.GetToolCall(); call != nil {
			result, err := runTool(call)
			if err != nil {
				return err
			}
			content := &llmgatewayv1.Part_ToolResult{ToolResult: result}
			results.Parts = append(results.Parts, &llmgatewayv1.Part{Content: content})
		}
	}

	// The model's own message goes back as it came: it holds the call that the result belongs to.
	request.Messages = append(request.Messages, message, results)
	answer, err = client.Generate(ctx, request)
	if err != nil {
		return err
	}
	fmt.Println(llmgateway.Text(answer))
	return nil
}

func runTool(call *llmgatewayv1.ToolCall) (*llmgatewayv1.ToolResult, error) {
	var arguments struct{ City string }
	if err := json.Unmarshal([]byte(call.GetArgumentsJson()), &arguments); err != nil {
		return nil, err
	}
	fmt.Println("calls", call.GetName(), "for", arguments.City)
	weather := llmgateway.TextPart(fmt.Sprintf("It rains in %s.", arguments.City))
	return &llmgatewayv1.ToolResult{ToolCallId: call.GetId(), Parts: []*llmgatewayv1.Part{weather}}, nil
}

func connect() (*llmgateway.Client, error) {
	var options []llmgateway.Option
	if key, ok := os.LookupEnv("LLMGATEWAY_KEY"); ok {
		options = append(options, llmgateway.WithKey(key))
	}
	return llmgateway.NewClient(os.Getenv("LLMGATEWAY_TARGET"), options...)
}
