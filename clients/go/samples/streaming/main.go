// Command streaming prints an answer as it is written.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
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

	stream := client.Stream(ctx, llmgateway.Prompt("mock/lorem", "Tell me more.", llmgateway.MaxOutputTokens(20)))
	for piece, err := range stream.Text() {
		if err != nil {
			return err
		}
		fmt.Print(piece)
	}
	fmt.Println()
	answer := stream.Response()
	fmt.Println("finished:", stream.Finished())
	fmt.Println(answer.GetCandidates()[0].GetFinishReason())
	fmt.Println(answer.GetUsage().GetOutputTokenCount(), "tokens")
	return nil
}

func connect() (*llmgateway.Client, error) {
	var options []llmgateway.Option
	if key, ok := os.LookupEnv("LLMGATEWAY_KEY"); ok {
		options = append(options, llmgateway.WithKey(key))
	}
	return llmgateway.NewClient(os.Getenv("LLMGATEWAY_TARGET"), options...)
}
