package dev.llmgateway.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.llmgateway.v1.CountTokensRequest;
import dev.llmgateway.v1.EmbedRequest;
import dev.llmgateway.v1.ExplainRouteRequest;
import dev.llmgateway.v1.GenerateRequest;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.ListModelsRequest;
import dev.llmgateway.v1.Model;
import dev.llmgateway.v1.RerankRequest;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class GatewayClientTest {
    private static final Prompt PROMPT = Prompt.of("Hi").model("m");
    private static final Metadata.Key<String> AUTHORIZATION = key("authorization");
    private static final Metadata.Key<String> PREVIOUS_TRIES = key("grpc-previous-rpc-attempts");
    private static final Metadata.Key<String> PUSHBACK = key("grpc-retry-pushback-ms");

    private final ScriptedGateway gateway = new ScriptedGateway();
    private final GatewayClient client = gateway.client().key("sk-1").build();

    @AfterEach
    void close() {
        client.close();
        gateway.close();
    }

    @Test
    void everyCallSendsItsRequestAndReturnsTheAnswer() {
        gateway.generation(ScriptedGateway.text("Hello"));
        GenerateRequest generation = PROMPT.toRequest();
        assertEquals("Hello", Answers.text(client.generate(PROMPT)));
        assertEquals(generation, gateway.requests.poll());

        assertEquals(2, client.embed("e", List.of("a", "b"), 4).getEmbeddingsCount());
        assertEquals(
                Protos.message(
                        "model: 'e' inputs { text: 'a' } inputs { text: 'b' } dimension_count: 4",
                        EmbedRequest.getDefaultInstance()),
                gateway.requests.poll());

        assertEquals(
                1, client.rerank("r", "q", List.of("a", "b"), 1).getResults(0).getIndex());
        assertEquals(
                Protos.message(
                        "model: 'r' query: 'q' documents: 'a' documents: 'b' result_count: 1",
                        RerankRequest.getDefaultInstance()),
                gateway.requests.poll());

        assertEquals(7, client.countTokens(PROMPT).getInputTokenCount());
        assertEquals(CountTokensRequest.newBuilder().setGeneration(generation).build(), gateway.requests.poll());

        assertEquals("fast", client.explain(PROMPT).getRoute());
        assertEquals(ExplainRouteRequest.newBuilder().setGeneration(generation).build(), gateway.requests.poll());

        assertEquals("m", client.model("m").getId());
    }

    @Test
    void modelsAreThoseOfAllPages() {
        assertEquals(
                List.of("a", "b"), client.models().stream().map(Model::getId).toList());
        assertEquals(
                List.of(
                        ListModelsRequest.newBuilder().setPageSize(1000).build(),
                        ListModelsRequest.newBuilder()
                                .setPageSize(1000)
                                .setPageToken("more")
                                .build()),
                List.copyOf(gateway.requests));
    }

    @Test
    void theKeyComesWithEveryCallAndNoneWithoutOne() {
        client.model("m");
        assertEquals("Bearer sk-1", gateway.headers.remove().get(AUTHORIZATION));
        try (GatewayClient keyless = gateway.client().build()) {
            keyless.model("m");
        }
        assertNull(gateway.headers.remove().get(AUTHORIZATION));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "sk 1", "sk-1\n", "sk-\u00e9", "\u007f"})
    void aKeyThatCannotBeSentIsRefused(String key) {
        GatewayClient.Builder builder = GatewayClient.builder();
        assertThrows(IllegalArgumentException.class, () -> builder.key(key));
    }

    @Test
    void settingsThatMakeNoSenseAreRefused() {
        GatewayClient.Builder builder = GatewayClient.builder();
        assertThrows(IllegalArgumentException.class, () -> builder.channels(0));
        builder.clientCertificate("no".getBytes(StandardCharsets.UTF_8), "pem".getBytes(StandardCharsets.UTF_8));
        assertThrows(IllegalArgumentException.class, builder::build);
    }

    @Test
    void aCallHasTheClientsTimeUnlessItIsGivenItsOwnOrNone() {
        client.model("m");
        long remainingMs = gateway.remainingMs.remove();
        assertTrue(remainingMs > 590_000 && remainingMs <= 600_000, "remaining: " + remainingMs);
        client.withTimeout(Duration.ofSeconds(30)).model("m");
        remainingMs = gateway.remainingMs.remove();
        assertTrue(remainingMs > 20_000 && remainingMs <= 30_000, "remaining: " + remainingMs);
        client.withoutTimeout().model("m");
        assertNull(gateway.remainingMs.poll());
        try (GatewayClient patient = gateway.client().withoutTimeout().build()) {
            patient.model("m");
        }
        assertNull(gateway.remainingMs.poll());
    }

    @Test
    void aCallThatTakesTooLongIsJavasDeadlineErrorToo() throws InterruptedException {
        gateway.generation(gateway.waiting());
        Gateway hasty = client.withTimeout(Duration.ofMillis(50));
        GatewayException error = assertThrows(GatewayException.class, () -> hasty.generate(PROMPT));
        assertEquals(ErrorKind.DEADLINE_EXCEEDED, error.kind());
        assertInstanceOf(TimeoutException.class, error.getCause());
        gateway.awaitLeft();
    }

    @Test
    void aFailureIsThrownWhereTheCallWasMade() {
        gateway.generation(ScriptedGateway.failing(told(Status.NOT_FOUND)));
        GatewayException error = assertThrows(GatewayException.class, () -> client.generate(PROMPT));
        assertEquals(ErrorKind.NOT_FOUND, error.kind());
        assertEquals("call_1", error.callId());
        List<String> methods = List.of(error.getStackTrace()).stream()
                .map(StackTraceElement::getClassName)
                .toList();
        assertTrue(methods.contains(GatewayClientTest.class.getName()), "its trace is " + methods);
    }

    @Test
    void anInterruptCancelsTheCallAndStays() throws InterruptedException {
        CountDownLatch arrived = new CountDownLatch(1);
        gateway.generation(caller -> {
            gateway.<GenerateResponse>waiting().answer(caller);
            arrived.countDown();
        });
        CompletableFuture<GatewayException> thrown = new CompletableFuture<>();
        CompletableFuture<Boolean> stays = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            thrown.complete(assertThrows(GatewayException.class, () -> client.generate(PROMPT)));
            stays.complete(Thread.currentThread().isInterrupted());
        });
        thread.start();
        assertTrue(arrived.await(ScriptedGateway.WAIT_S, TimeUnit.SECONDS));
        thread.interrupt();
        thread.join();
        gateway.awaitLeft();
        assertEquals(Status.Code.CANCELLED, thrown.join().code());
        assertInstanceOf(InterruptedException.class, thrown.join().getCause());
        assertEquals(true, stays.join());
    }

    @Test
    void aFutureHasTheAnswerOrTheError() {
        gateway.generations(List.of(ScriptedGateway.text("Hello"), ScriptedGateway.failing(told(Status.NOT_FOUND))));
        assertEquals("Hello", Answers.text(client.generateAsync(PROMPT).join()));
        CompletableFuture<GenerateResponse> failing = client.generateAsync(PROMPT);
        CompletionException wrapped = assertThrows(CompletionException.class, failing::join);
        GatewayException error = assertInstanceOf(GatewayException.class, wrapped.getCause());
        assertEquals(ErrorKind.NOT_FOUND, error.kind());

        assertEquals(
                1,
                client.embedAsync(Protos.message("inputs { text: 'a' }", EmbedRequest.getDefaultInstance()))
                        .join()
                        .getEmbeddingsCount());
        assertEquals(
                1,
                client.rerankAsync(RerankRequest.getDefaultInstance())
                        .join()
                        .getResults(0)
                        .getIndex());
    }

    @Test
    void cancellingAFutureCancelsTheCall() throws InterruptedException {
        gateway.generation(gateway.waiting());
        CompletableFuture<GenerateResponse> running = client.generateAsync(PROMPT);
        gateway.requests.take();
        assertTrue(running.cancel(true));
        gateway.awaitLeft();
        assertThrows(CancellationException.class, running::join);
    }

    @Test
    void closingTheClientCancelsWhatRuns() throws InterruptedException {
        gateway.generation(gateway.waiting());
        CompletableFuture<GenerateResponse> running = client.generateAsync(PROMPT);
        gateway.requests.take();
        client.close();
        gateway.awaitLeft();
        assertThrows(CompletionException.class, running::join);
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.Code.class,
            names = {"UNAVAILABLE", "CANCELLED"})
    void aGatewayThatIsAwayForAMomentIsAskedAgain(Status.Code code) {
        ScriptedGateway.Step<GenerateResponse> away =
                ScriptedGateway.failing(code.toStatus().asRuntimeException());
        gateway.generations(List.of(away, away, away, ScriptedGateway.text("Hello")));
        assertEquals("Hello", Answers.text(client.generate(PROMPT)));
        List<String> tries = new ArrayList<>();
        gateway.headers.forEach(headers -> tries.add(String.valueOf(headers.get(PREVIOUS_TRIES))));
        assertEquals(List.of("null", "1", "2", "3"), tries);
    }

    @Test
    void itIsAskedFourTimesAtMost() {
        gateway.generation(ScriptedGateway.failing(told(Status.UNAVAILABLE)));
        GatewayException error = assertThrows(GatewayException.class, () -> client.generate(PROMPT));
        assertEquals(ErrorKind.UNAVAILABLE, error.kind());
        assertEquals(4, gateway.requests.size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "never"})
    void whatPushesBackIsNotAskedAgain(String pushback) {
        Metadata trailers = new Metadata();
        trailers.put(PUSHBACK, pushback);
        trailers.put(FailureReader.CALL_ID_KEY, "call_1");
        gateway.generation(ScriptedGateway.failing(Status.UNAVAILABLE.asRuntimeException(trailers)));
        assertThrows(GatewayException.class, () -> client.generate(PROMPT));
        assertEquals(1, gateway.requests.size());
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.Code.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"OK", "UNAVAILABLE", "CANCELLED"})
    void whatFailsOtherwiseIsNotAskedAgain(Status.Code code) {
        gateway.generation(ScriptedGateway.failing(told(code.toStatus())));
        assertThrows(GatewayException.class, () -> client.generate(PROMPT));
        assertEquals(1, gateway.requests.size());
    }

    @Test
    void callsAtOnceGoByAsManyConnectionsAsThereAre() throws InterruptedException {
        gateway.generation(gateway.waiting());
        List<CompletableFuture<GenerateResponse>> running = new ArrayList<>();
        for (int count = 0; count < 8; count++) {
            running.add(client.generateAsync(PROMPT));
            gateway.requests.take();
        }
        Set<SocketAddress> peers = new HashSet<>(gateway.peers);
        assertEquals(4, peers.size());
        running.forEach(call -> call.cancel(true));
    }

    @Test
    void callsInTurnGoByOneConnection() {
        for (int count = 0; count < 8; count++) {
            client.model("m");
        }
        assertEquals(1, new HashSet<>(gateway.peers).size());
    }

    @Test
    void anAnswerThatIsTooLargeIsNoRateLimit() {
        String large = "x".repeat(64 * 1024 * 1024);
        gateway.generation(ScriptedGateway.text(large));
        GatewayException error = assertThrows(GatewayException.class, () -> client.generate(PROMPT));
        assertEquals(ErrorKind.INVALID_REQUEST, error.kind());
        assertNotEquals("", error.plainMessage());
    }

    /** Returns a status as the gateway sends it. */
    private static StatusRuntimeException told(Status status) {
        Metadata trailers = new Metadata();
        trailers.put(FailureReader.CALL_ID_KEY, "call_1");
        return status.withDescription("It failed.").asRuntimeException(trailers);
    }

    private static Metadata.Key<String> key(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }
}
