package llmgateway_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

func ExampleNewClient() {
	roots, err := os.ReadFile("ca.pem")
	if err != nil {
		log.Fatal(err)
	}
	client, err := llmgateway.NewClient("dns:///gateway:50051",
		llmgateway.WithKey(os.Getenv("LLMGATEWAY_KEY")),
		llmgateway.WithRootCertificates(roots),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

func ExampleClient_Generate() {
	client, err := llmgateway.NewClient("")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	// Whatever has no option is a field of the request.
	request := llmgateway.Prompt("mock/echo", "Hello", llmgateway.System("Be kind."))
	request.Reasoning = &llmgatewayv1.ReasoningOptions{Effort: "low"}
	answer, err := client.Generate(ctx, request)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(llmgateway.Text(answer), answer.GetUsage().GetOutputTokenCount())
}

func ExampleClient_Stream() {
	client, err := llmgateway.NewClient("")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	stream := client.Stream(context.Background(), llmgateway.Prompt("mock/lorem", "Tell me more."))
	for piece, err := range stream.Text() {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Print(piece)
	}
	fmt.Println(stream.Response().GetUsage())
}

func ExampleError() {
	client, err := llmgateway.NewClient("")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	_, err = client.Generate(context.Background(), llmgateway.Prompt("mock/echo", "Hello"))
	if failed, ok := errors.AsType[*llmgateway.Error](err); ok && failed.Kind == llmgateway.KindRateLimited {
		if failed.RetryAfter != nil {
			fmt.Println("try again after", *failed.RetryAfter)
		}
	}
}
