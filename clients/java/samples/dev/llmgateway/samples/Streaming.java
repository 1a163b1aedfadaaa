package dev.llmgateway.samples;

import dev.llmgateway.client.GatewayClient;
import dev.llmgateway.client.GenerationStream;
import dev.llmgateway.client.Prompt;

/** Prints an answer as it is written. */
public final class Streaming {
    private Streaming() {}

    public static void main(String[] arguments) {
        try (GatewayClient client = GatewayClient.builder()
                .target(System.getenv().getOrDefault("LLMGATEWAY_TARGET", "127.0.0.1:50051"))
                .key(System.getenv("LLMGATEWAY_KEY"))
                .build()) {
            Prompt prompt = Prompt.of("Tell me more.").model("mock/lorem").maxOutputTokenCount(20);
            try (GenerationStream stream = client.stream(prompt)) {
                for (String piece : stream.text()) {
                    System.out.print(piece);
                    System.out.flush();
                }
                System.out.println();
                System.out.println("finished: " + stream.isFinished());
                System.out.println(stream.response().getCandidates(0).getFinishReason());
                System.out.println(stream.response().getUsage().getOutputTokenCount() + " tokens");
            }
        }
    }
}
