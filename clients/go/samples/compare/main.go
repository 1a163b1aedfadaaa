// Command compare asks several models the same at once.
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

	models := []string{"mock/echo", "mock/lorem", "mock/error-503"}
	comparison := client.Compare(ctx, llmgateway.CompareModels(models, "Hello, gateway!", llmgateway.MaxOutputTokens(6)))
	for came, err := range comparison.Events() {
		if err != nil {
			return err
		}
		if came.Event == nil {
			fmt.Println("failed:", came.Model.Name)
		}
	}
	for _, model := range comparison.Models() {
		if failed := model.Failure(); failed != nil {
			fmt.Printf("%s: %s\n", model.Name, failed.ReasonName)
		} else {
			fmt.Printf("%s: %s\n", model.Name, llmgateway.Text(model.Response()))
		}
	}
	return nil
}

func connect() (*llmgateway.Client, error) {
	var options []llmgateway.Option
	if key, ok := os.LookupEnv("LLMGATEWAY_KEY"); ok {
		options = append(options, llmgateway.WithKey(key))
	}
	return llmgateway.NewClient(os.Getenv("LLMGATEWAY_TARGET"), options...)
}
