package dev.llmgateway.samples;

import dev.llmgateway.client.GatewayClient;
import dev.llmgateway.client.GatewayException;
import dev.llmgateway.client.GenerationStream;
import dev.llmgateway.client.Prompt;
import dev.llmgateway.v1.QuotaViolation;
import java.util.List;

/** Reads what a failed call says. */
public final class Errors {
    private Errors() {}

    public static void main(String[] arguments) {
        try (GatewayClient client = GatewayClient.builder()
                .target(System.getenv().getOrDefault("LLMGATEWAY_TARGET", "127.0.0.1:50051"))
                .key(System.getenv("LLMGATEWAY_KEY"))
                .build()) {
            for (String model : List.of("mock/error-429", "mock/ecko", "")) {
                try {
                    client.generate(Prompt.of("Hello").model(model));
                } catch (GatewayException error) {
                    print(error);
                }
            }

            for (String model : List.of("limited/echo", "limited/lorem")) {
                printRefusal(useUp(client, model));
            }

            GenerationStream stream = client.stream(Prompt.of("Hello").model("mock/cut"));
            try (stream) {
                stream.collect();
            } catch (GatewayException error) {
                // Content had come: trying again means paying again.
                System.out.println("broken off: " + error.reasonName() + ", started: " + error.started());
                System.out.println("kept: "
                        + stream.response()
                                .getCandidates(0)
                                .getMessage()
                                .getParts(0)
                                .getText());
            }
        }
    }

    /** Calls until a quota refuses; returns the refusal. */
    private static GatewayException useUp(GatewayClient client, String model) {
        while (true) {
            try {
                client.generate(Prompt.of("Hello").model(model));
            } catch (GatewayException error) {
                return error;
            }
        }
    }

    private static void printRefusal(GatewayException error) {
        String later = error.retryAfter().isPresent() ? "yes" : "no";
        System.out.println("refused: " + error.reasonName() + ", try again later: " + later);
        // Cost counts 1e-9 US dollars.
        for (QuotaViolation quota : error.quotaViolations()) {
            System.out.println(quota.getMetric() + " of " + quota.getScope() + ", " + quota.getWindow() + ": limit "
                    + quota.getLimit() + ", used " + quota.getUsed() + ", held " + quota.getHeld());
        }
    }

    private static void print(GatewayException error) {
        switch (error.kind()) {
            case RATE_LIMITED -> {
                System.out.println("rate limited: " + error.reasonName());
                error.retryAfter()
                        .ifPresent(delay -> System.out.println("try again after " + delay.toSeconds() + " s"));
                int count = error.attempts().size();
                int status = error.attempts().get(count - 1).getHttpStatus();
                System.out.println("attempts: " + count + ", the last one's HTTP status: " + status);
            }
            case NOT_FOUND ->
                System.out.println("not found: " + error.reasonName() + ", nearest: "
                        + error.metadata().get("nearest"));
            case INVALID_REQUEST ->
                System.out.println("invalid: " + error.reasonName() + ", field: "
                        + error.violations().get(0).field());
            default -> throw error;
        }
    }
}
