package dev.llmgateway.samples;

import dev.llmgateway.client.Answers;
import dev.llmgateway.client.GatewayClient;
import dev.llmgateway.client.Prompt;
import dev.llmgateway.v1.CallInfo;
import dev.llmgateway.v1.EmbedResponse;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.RerankResponse;
import dev.llmgateway.v1.TargetOutcome;
import dev.llmgateway.v1.Usage;
import java.util.List;

/** Asks a model, embeds texts, sorts documents and counts tokens. */
public final class Basic {
    private Basic() {}

    public static void main(String[] arguments) {
        try (GatewayClient client = GatewayClient.builder()
                .target(System.getenv().getOrDefault("LLMGATEWAY_TARGET", "127.0.0.1:50051"))
                .key(System.getenv("LLMGATEWAY_KEY"))
                .build()) {
            Prompt prompt = Prompt.of("Hello, gateway!").model("mock/echo");
            GenerateResponse answer = client.generate(prompt.system("Be kind.").temperature(0.5));
            System.out.println(Answers.text(answer));
            CallInfo call = answer.getCall();
            Usage usage = answer.getUsage();
            System.out.printf(
                    "%s/%s: %d tokens in, %d out%n",
                    call.getProvider(), call.getModel(), usage.getInputTokenCount(), usage.getOutputTokenCount());

            EmbedResponse embedded = client.embed("mock/embed", List.of("one", "two"), 4);
            System.out.printf(
                    "%d vectors of %d numbers%n",
                    embedded.getEmbeddingsCount(), embedded.getEmbeddings(0).getValuesCount());

            List<String> documents = List.of("The mountain is high.", "The river is long.", "The city is old.");
            RerankResponse ranked = client.rerank("mock/rerank", "How long is the river?", documents, 1);
            System.out.println(
                    "best document: " + documents.get(ranked.getResults(0).getIndex()));

            System.out.println(client.countTokens(prompt).getInputTokenCount() + " tokens to read");

            TargetOutcome first = client.explain(prompt).getTargets(0);
            System.out.println("would go to: " + first.getProvider() + "/" + first.getModel());

            System.out.println("known: " + client.model("mock/echo").getId());
            boolean listed =
                    client.models().stream().anyMatch(model -> model.getId().equals("mock/echo"));
            System.out.println("listed: " + listed);
        }
    }
}
