// Command basic asks a model, embeds texts, sorts documents and counts tokens.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

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

	request := llmgateway.Prompt("mock/echo", "Hello, gateway!", llmgateway.System("Be kind."), llmgateway.Temperature(0.5))
	answer, err := client.Generate(ctx, request)
	if err != nil {
		return err
	}
	fmt.Println(llmgateway.Text(answer))
	call, usage := answer.GetCall(), answer.GetUsage()
	fmt.Printf("%s/%s: %d tokens in, %d out\n",
		call.GetProvider(), call.GetModel(), usage.GetInputTokenCount(), usage.GetOutputTokenCount())

	texts := llmgateway.EmbedTexts("mock/embed", "one", "two")
	texts.DimensionCount = new(int32(4))
	embedded, err := client.Embed(ctx, texts)
	if err != nil {
		return err
	}
	vectors := embedded.GetEmbeddings()
	fmt.Printf("%d vectors of %d numbers\n", len(vectors), len(vectors[0].GetValues()))

	documents := []string{"The mountain is high.", "The river is long.", "The city is old."}
	ranked, err := client.Rerank(ctx, &llmgatewayv1.RerankRequest{
		Model:       "mock/rerank",
		Query:       "How long is the river?",
		Documents:   documents,
		ResultCount: new(int32(1)),
	})
	if err != nil {
		return err
	}
	fmt.Println("best document:", documents[ranked.GetResults()[0].GetIndex()])

	hello := llmgateway.Prompt("mock/echo", "Hello, gateway!")
	counted, err := client.CountTokens(ctx, hello)
	if err != nil {
		return err
	}
	fmt.Println(counted.GetInputTokenCount(), "tokens to read")

	explained, err := client.Explain(ctx, hello)
	if err != nil {
		return err
	}
	first := explained.GetTargets()[0]
	fmt.Printf("would go to: %s/%s\n", first.GetProvider(), first.GetModel())

	model, err := client.Model(ctx, "mock/echo")
	if err != nil {
		return err
	}
	fmt.Println("known:", model.GetId())

	models, err := client.Models(ctx)
	if err != nil {
		return err
	}
	isListed := slices.ContainsFunc(models, func(listed *llmgatewayv1.Model) bool { return listed.GetId() == model.GetId() })
	fmt.Println("listed:", isListed)
	return nil
}

func connect() (*llmgateway.Client, error) {
	var options []llmgateway.Option
	if key, ok := os.LookupEnv("LLMGATEWAY_KEY"); ok {
		options = append(options, llmgateway.WithKey(key))
	}
	return llmgateway.NewClient(os.Getenv("LLMGATEWAY_TARGET"), options...)
}
