// Command errors reads what a failed call says.
package main

import (
	"context"
	"errors"
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

	for _, model := range []string{"mock/error-429", "mock/ecko", ""} {
		_, err := client.Generate(ctx, llmgateway.Prompt(model, "Hello"))
		failed, ok := errors.AsType[*llmgateway.Error](err)
		if !ok {
			return err
		}
		switch failed.Kind {
		case llmgateway.KindRateLimited:
			last := failed.Attempts[len(failed.Attempts)-1]
			fmt.Println("rate limited:", failed.ReasonName)
			fmt.Printf("try again after %g s\n", failed.RetryAfter.Seconds())
			fmt.Printf("attempts: %d, the last one's HTTP status: %d\n", len(failed.Attempts), last.GetHttpStatus())
		case llmgateway.KindNotFound:
			fmt.Printf("not found: %s, nearest: %s\n", failed.ReasonName, failed.Metadata["nearest"])
		case llmgateway.KindInvalidRequest:
			fmt.Printf("invalid: %s, field: %s\n", failed.ReasonName, failed.Violations[0].Field)
		default:
			return err
		}
	}

	for _, model := range []string{"limited/echo", "limited/lorem"} {
		err := useUp(ctx, client, model)
		failed, ok := errors.AsType[*llmgateway.Error](err)
		if !ok {
			return err
		}
		later := "yes"
		if failed.RetryAfter == nil {
			later = "no"
		}
		fmt.Printf("refused: %s, try again later: %s\n", failed.ReasonName, later)
		// Cost counts 1e-9 US dollars.
		for _, quota := range failed.QuotaViolations {
			fmt.Printf("%s of %s, %s: ", quota.GetMetric(), quota.GetScope(), quota.GetWindow())
			fmt.Printf("limit %d, used %d, held %d\n", quota.GetLimit(), quota.GetUsed(), quota.GetHeld())
		}
	}

	stream := client.Stream(ctx, llmgateway.Prompt("mock/cut", "Hello"))
	_, err = stream.Collect()
	failed, ok := errors.AsType[*llmgateway.Error](err)
	if !ok {
		return err
	}
	// Content had come: trying again means paying again.
	fmt.Printf("broken off: %s, started: %t\n", failed.ReasonName, failed.Started)
	fmt.Println("kept:", llmgateway.Text(stream.Response()))
	return nil
}

// useUp calls until a quota refuses, and returns the refusal.
func useUp(ctx context.Context, client *llmgateway.Client, model string) error {
	for {
		if _, err := client.Generate(ctx, llmgateway.Prompt(model, "Hello")); err != nil {
			return err
		}
	}
}

func connect() (*llmgateway.Client, error) {
	var options []llmgateway.Option
	if key, ok := os.LookupEnv("LLMGATEWAY_KEY"); ok {
		options = append(options, llmgateway.WithKey(key))
	}
	return llmgateway.NewClient(os.Getenv("LLMGATEWAY_TARGET"), options...)
}
