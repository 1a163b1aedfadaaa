package dev.llmgateway.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.llmgateway.client.GatewayClient;
import dev.llmgateway.client.GatewayException;
import dev.llmgateway.client.Prompt;
import dev.llmgateway.v1.LLMGatewayGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Makes the calls of conformance cases by this client, and writes what it saw: a case is a line of JSON on standard
 * input, an answer a line on standard output.
 */
public final class Runner implements AutoCloseable {
    private static final Gson GSON = new GsonBuilder().serializeNulls().create();
    private static final long REPEAT_TIMEOUT_S = 600;

    private final Map<JsonObject, GatewayClient> clients = new HashMap<>();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();

    private Runner() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        PrintStream output = new PrintStream(System.out, true, UTF_8);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        warmUp();
        try (Runner runner = new Runner()) {
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                output.println(GSON.toJson(runner.run(GSON.fromJson(line, Case.class))));
            }
        }
    }

    /** Makes a call to a server of its own: a case's time is to be the client's, not that of loading its classes. */
    private static void warmUp() throws IOException {
        Server server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
                .addService(new LLMGatewayGrpc.LLMGatewayImplBase() {})
                .build()
                .start();
        try (GatewayClient client =
                GatewayClient.builder().target("127.0.0.1:" + server.getPort()).build()) {
            client.stream(Prompt.of("Hello")).collect();
        } catch (GatewayException error) {
            if (error.code() != Status.Code.UNIMPLEMENTED) {
                throw error;
            }
        } finally {
            server.shutdownNow();
        }
    }

    @Override
    public void close() {
        clients.values().forEach(GatewayClient::close);
        clock.shutdownNow();
    }

    /** Makes the call of a case; returns what came of it. */
    private JsonObject run(Case asked) throws IOException, InterruptedException {
        JsonObject answer = new JsonObject();
        answer.addProperty("name", asked.name());
        GatewayClient client = client(asked.client());
        long startNanos = System.nanoTime();
        if (asked.repeat() == null) {
            once(asked, client, answer);
        } else {
            answer.add("repeat", repeat(asked, asked.repeat(), client));
        }
        answer.addProperty("elapsed_ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos));
        return answer;
    }

    private GatewayClient client(JsonObject how) throws IOException {
        GatewayClient client = clients.get(how);
        if (client == null) {
            client = connect(how);
            clients.put(how, client);
        }
        return client;
    }

    private static GatewayClient connect(JsonObject how) throws IOException {
        GatewayClient.Builder builder =
                GatewayClient.builder().target(how.get("target").getAsString()).key(text(how, "key"));
        if (how.has("tls") && how.get("tls").getAsBoolean()) {
            builder.tls();
        }
        String roots = text(how, "root_certificates");
        if (roots != null) {
            builder.rootCertificates(Files.readAllBytes(Path.of(roots)));
        }
        String certificate = text(how, "client_certificate");
        String key = text(how, "client_key");
        if (certificate != null && key != null) {
            builder.clientCertificate(Files.readAllBytes(Path.of(certificate)), Files.readAllBytes(Path.of(key)));
        }
        return builder.build();
    }

    private static @Nullable String text(JsonObject object, String name) {
        JsonElement value = object.get(name);
        return value == null || value.isJsonNull() ? null : value.getAsString();
    }

    /** Makes the call on a thread of its own, which is interrupted where the case says so. */
    private void once(Case asked, GatewayClient client, JsonObject answer) throws InterruptedException {
        Thread caller = new Thread(() -> {
            try {
                new Call(asked, client, answer).make();
            } catch (GatewayException error) {
                if (error.getCause() instanceof InterruptedException) {
                    answer.addProperty("cancelled", true);
                } else {
                    answer.add("error", Described.error(error));
                }
            }
        });
        caller.start();
        Future<?> interruption = asked.cancelAfterMs() == null
                ? null
                : clock.schedule(caller::interrupt, asked.cancelAfterMs(), TimeUnit.MILLISECONDS);
        caller.join();
        if (interruption != null) {
            interruption.cancel(false);
        }
    }

    /** Makes the call many times, several at once. */
    private static JsonObject repeat(Case asked, Case.Repeat repeat, GatewayClient client) throws InterruptedException {
        AtomicInteger succeeded = new AtomicInteger();
        Map<String, Integer> failed = new ConcurrentSkipListMap<>();
        ExecutorService callers = Executors.newFixedThreadPool(repeat.concurrency());
        for (int made = 0; made < repeat.count(); made++) {
            callers.execute(() -> {
                try {
                    new Call(asked, client, new JsonObject()).make();
                    succeeded.incrementAndGet();
                } catch (GatewayException error) {
                    failed.merge(error.kind() + ": " + error.getMessage(), 1, Integer::sum);
                }
            });
        }
        callers.shutdown();
        callers.awaitTermination(REPEAT_TIMEOUT_S, TimeUnit.SECONDS);
        JsonObject told = new JsonObject();
        told.addProperty("succeeded", succeeded.get());
        told.add("failed", GSON.toJsonTree(failed));
        return told;
    }
}
