package dev.llmgateway.samples;

import dev.llmgateway.client.Answers;
import dev.llmgateway.client.ComparedEvent;
import dev.llmgateway.client.ComparedModel;
import dev.llmgateway.client.Comparison;
import dev.llmgateway.client.GatewayClient;
import dev.llmgateway.client.GatewayException;
import dev.llmgateway.client.Prompt;
import java.util.List;

/** Asks several models the same at once. */
public final class Compare {
    private Compare() {}

    public static void main(String[] arguments) {
        try (GatewayClient client = GatewayClient.builder()
                .target(System.getenv().getOrDefault("LLMGATEWAY_TARGET", "127.0.0.1:50051"))
                .key(System.getenv("LLMGATEWAY_KEY"))
                .build()) {
            Prompt prompt = Prompt.of("Hello, gateway!").maxOutputTokenCount(6);
            List<String> models = List.of("mock/echo", "mock/lorem", "mock/error-503");
            try (Comparison comparison = client.compare(prompt, models)) {
                for (ComparedEvent came : comparison) {
                    if (came.event().isEmpty()) {
                        System.out.println("failed: " + came.model().name());
                    }
                }
                for (ComparedModel model : comparison.models()) {
                    String outcome = model.error()
                            .map(GatewayException::reasonName)
                            .orElseGet(() -> Answers.text(model.response()));
                    System.out.println(model.name() + ": " + outcome);
                }
            }
        }
    }
}
