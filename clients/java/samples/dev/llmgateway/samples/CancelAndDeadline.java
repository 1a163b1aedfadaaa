package dev.llmgateway.samples;

import dev.llmgateway.client.Answers;
import dev.llmgateway.client.ErrorKind;
import dev.llmgateway.client.GatewayClient;
import dev.llmgateway.client.GatewayException;
import dev.llmgateway.client.GenerationStream;
import dev.llmgateway.client.Prompt;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GenerationEvent;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;

/** Bounds a call in time, leaves a stream early, and cancels a call that runs. */
public final class CancelAndDeadline {
    private CancelAndDeadline() {}

    public static void main(String[] arguments) throws InterruptedException {
        try (GatewayClient client = GatewayClient.builder()
                .target(System.getenv().getOrDefault("LLMGATEWAY_TARGET", "127.0.0.1:50051"))
                .key(System.getenv("LLMGATEWAY_KEY"))
                .build()) {
            Prompt slow = Prompt.of("Hello").model("mock/slow");
            try {
                client.withTimeout(Duration.ofMillis(200)).generate(slow);
            } catch (GatewayException error) {
                if (error.kind() != ErrorKind.DEADLINE_EXCEEDED) {
                    throw error;
                }
                System.out.println("deadline: " + error.code());
            }

            // Leaving the block ends the call, at the provider, too.
            try (GenerationStream stream = client.stream(Prompt.of("Hello").model("mock/lorem"))) {
                for (GenerationEvent event : stream) {
                    if (event.hasStarted()) {
                        break;
                    }
                }
                System.out.println("left early, finished: " + stream.isFinished());
            }

            // So does cancelling a future, and interrupting a thread that waits.
            CompletableFuture<GenerateResponse> running = client.generateAsync(slow);
            Thread.sleep(100);
            running.cancel(true);
            try {
                running.join();
            } catch (CancellationException error) {
                System.out.println("cancelled");
            }

            System.out.println(
                    Answers.text(client.generate(Prompt.of("Still here.").model("mock/echo"))));
        }
    }
}
