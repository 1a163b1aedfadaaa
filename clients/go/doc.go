// Package llmgateway calls an LLM gateway: one contract for the language models of many providers.
//
//	client, err := llmgateway.NewClient("gateway:50051", llmgateway.WithKey(key))
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//
//	answer, err := client.Generate(ctx, llmgateway.Prompt("mock/echo", "Hello"))
//	if err != nil {
//		return err
//	}
//	fmt.Println(llmgateway.Text(answer))
//
// Requests and answers are the messages of the contract, in the package llmgatewayv1. [Prompt], [CompareModels] and
// [EmbedTexts] make requests from a few words; whatever they leave out is a field of the message.
//
// A context bounds every call, and cancels it. A call that failed returns an [*Error].
package llmgateway
