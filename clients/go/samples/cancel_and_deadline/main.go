// Command cancel_and_deadline bounds a call in time, leaves a stream early, and cancels a call that runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

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

	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err = client.Generate(short, llmgateway.Prompt("mock/slow", "Hello"))
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	fmt.Println("deadline: DEADLINE_EXCEEDED")

	// Leaving the range ends the call, at the provider, too.
	stream := client.Stream(ctx, llmgateway.Prompt("mock/lorem", "Hello"))
	for _, err := range stream.Events() {
		if err != nil {
			return err
		}
		break
	}
	fmt.Println("left early, finished:", stream.Finished())

	canceled, cancel := context.WithCancel(ctx)
	defer cancel()
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err = client.Generate(canceled, llmgateway.Prompt("mock/slow", "Hello"))
	if !errors.Is(err, context.Canceled) {
		return err
	}
	fmt.Println("cancelled")

	answer, err := client.Generate(ctx, llmgateway.Prompt("mock/echo", "Still here."))
	if err != nil {
		return err
	}
	fmt.Println(llmgateway.Text(answer))
	return nil
}

func connect() (*llmgateway.Client, error) {
	var options []llmgateway.Option
	if key, ok := os.LookupEnv("LLMGATEWAY_KEY"); ok {
		options = append(options, llmgateway.WithKey(key))
	}
	return llmgateway.NewClient(os.Getenv("LLMGATEWAY_TARGET"), options...)
}
