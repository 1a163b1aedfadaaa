package dev.llmgateway.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.llmgateway.v1.GenerationEvent;
import dev.llmgateway.v1.StreamGenerateResponse;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class GenerationStreamTest {
    private static final Prompt PROMPT = Prompt.of("Hi").model("m");
    private static final String BEGINNING = "events { started { call { call_id: 'call_1' } } } ";
    private static final String CONTENT = BEGINNING + "events { part_started { part { text: 'Hel' } } } ";

    private final ScriptedGateway gateway = new ScriptedGateway();
    private final GatewayClient client = gateway.client().build();

    @AfterEach
    void close() {
        client.close();
        gateway.close();
    }

    @Test
    void eventsComeSinglyHoweverTheyWereSent() {
        List<GenerationEvent> expected = Protos.events(Protos.HELLO);
        gateway.stream(caller -> {
            caller.onNext(StreamGenerateResponse.getDefaultInstance());
            caller.onNext(StreamGenerateResponse.newBuilder()
                    .addAllEvents(expected.subList(0, 3))
                    .build());
            caller.onNext(StreamGenerateResponse.newBuilder()
                    .addAllEvents(expected.subList(3, expected.size()))
                    .build());
            caller.onCompleted();
        });
        try (GenerationStream stream = client.stream(PROMPT)) {
            List<GenerationEvent> seen = new ArrayList<>();
            stream.forEach(seen::add);
            assertEquals(expected, seen);
            assertTrue(stream.isFinished());
            assertEquals("Hello", Answers.text(stream.response()));
            assertThrows(NoSuchElementException.class, stream.iterator()::next);
        }
    }

    @Test
    void theTextIsThatOfTextPartsOfOneCandidate() {
        gateway.stream(ScriptedGateway.events(
                BEGINNING
                        + "events { part_started { index: 0 part { reasoning { text: 'hm' } } } } "
                        + "events { part_started { index: 1 part { text: 'a' } } } "
                        + "events { candidate_index: 1 part_started { part { text: 'other' } } } "
                        + "events { part_delta { index: 0 text: 'hm' } } "
                        + "events { part_delta { index: 1 text: 'b' } } "
                        + "events { part_delta { index: 1 annotations { uri: 'u' } } } "
                        + "events { candidate_index: 1 part_delta { text: '!' } } "
                        + "events { part_started { index: 2 part { refusal: 'no' } } } "
                        + "events { part_delta { index: 2 text: 'no' } } "
                        + "events { part_delta { index: 1 text: 'c' } } "
                        + "events { part_finished { index: 0 } } events { part_finished { index: 1 } } "
                        + "events { part_finished { index: 2 } } events { candidate_finished {} } "
                        + "events { candidate_index: 1 part_finished {} } "
                        + "events { candidate_index: 1 candidate_finished {} } events { finished {} }",
                StreamObserver::onCompleted));
        assertEquals(List.of("a", "b", "c"), pieces(0));
        assertEquals(List.of("other", "!"), pieces(1));
    }

    private List<String> pieces(int candidateIndex) {
        try (GenerationStream stream = client.stream(PROMPT)) {
            List<String> pieces = new ArrayList<>();
            stream.text(candidateIndex).forEach(pieces::add);
            return pieces;
        }
    }

    @Test
    void collectReadsToTheEndFromWhereverOneIs() {
        gateway.stream(ScriptedGateway.events(Protos.HELLO, StreamObserver::onCompleted));
        try (GenerationStream stream = client.stream(PROMPT)) {
            assertTrue(stream.iterator().next().hasStarted());
            assertEquals("Hello", Answers.text(stream.collect()));
        }
    }

    @Test
    void leavingTheBlockCancelsTheCall() throws InterruptedException {
        gateway.stream(ScriptedGateway.events(CONTENT, gateway.waiting()));
        GenerationStream stream = client.stream(PROMPT);
        try (stream) {
            stream.iterator().next();
        }
        gateway.awaitLeft();
        assertFalse(stream.isFinished());
        assertEquals("call_1", stream.response().getCall().getCallId());
        IllegalStateException error = assertThrows(IllegalStateException.class, stream.iterator()::next);
        assertEquals("The stream is closed: read it inside its try block.", error.getMessage());
    }

    @Test
    void droppingTheStreamCancelsTheCall() throws InterruptedException {
        gateway.stream(ScriptedGateway.events(CONTENT, gateway.waiting()));
        readOneAndDrop();
        while (!gateway.left.await(10, TimeUnit.MILLISECONDS)) {
            System.gc();
        }
    }

    private void readOneAndDrop() {
        assertTrue(client.stream(PROMPT).iterator().next().hasStarted());
    }

    @Test
    void anotherThreadMayCloseTheStreamThatOneWaitsFor() throws InterruptedException {
        gateway.stream(ScriptedGateway.events(BEGINNING, gateway.waiting()));
        GenerationStream stream = client.stream(PROMPT);
        Iterator<GenerationEvent> events = stream.iterator();
        assertTrue(events.next().hasStarted());
        CompletableFuture<GatewayException> thrown = new CompletableFuture<>();
        Thread reader = new Thread(() -> thrown.complete(assertThrows(GatewayException.class, events::next)));
        reader.start();
        while (reader.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        stream.close();
        reader.join();
        assertEquals(Status.Code.CANCELLED, thrown.join().code());
        gateway.awaitLeft();
    }

    @Test
    void anInterruptCancelsTheCallAndStays() throws InterruptedException {
        gateway.stream(ScriptedGateway.events(BEGINNING, gateway.waiting()));
        GenerationStream stream = client.stream(PROMPT);
        assertTrue(stream.iterator().next().hasStarted());
        Thread.currentThread().interrupt();
        GatewayException error = assertThrows(GatewayException.class, stream.iterator()::hasNext);
        assertTrue(Thread.interrupted());
        assertEquals(Status.Code.CANCELLED, error.code());
        gateway.awaitLeft();
    }

    /** How a stream may end otherwise, and what is thrown. */
    static Stream<Arguments> ends() {
        ScriptedGateway.Step<StreamGenerateResponse> ok = StreamObserver::onCompleted;
        ScriptedGateway.Step<StreamGenerateResponse> unavailable = failing(Status.UNAVAILABLE);
        return Stream.of(
                arguments("", ok, "STREAM_BROKEN", false, "The stream ended without its last event. [INTERNAL]"),
                arguments(
                        CONTENT,
                        ok,
                        "STREAM_BROKEN",
                        true,
                        "The stream ended without its last event. [INTERNAL, call call_1]"),
                arguments(
                        CONTENT + "events { part_started {} } ",
                        ok,
                        "STREAM_BROKEN",
                        true,
                        "The stream makes no sense: candidate 0, part 0: part_started comes where part 1 is the next. "
                                + "[INTERNAL, call call_1]"),
                arguments("", unavailable, "UNAVAILABLE", false, "It failed. [UNAVAILABLE, call call_1]"),
                arguments(BEGINNING, unavailable, "UNAVAILABLE", false, "It failed. [UNAVAILABLE, call call_1]"),
                arguments(CONTENT, unavailable, "STREAM_BROKEN", true, "It failed. [UNAVAILABLE, call call_1]"),
                arguments(
                        CONTENT,
                        failing(Status.DEADLINE_EXCEEDED),
                        "DEADLINE_EXCEEDED",
                        true,
                        "It failed. [DEADLINE_EXCEEDED, call call_1]"));
    }

    @ParameterizedTest
    @MethodSource("ends")
    void whatIsNoWholeAnswerIsThrown(
            String events,
            ScriptedGateway.Step<StreamGenerateResponse> end,
            ErrorKind kind,
            boolean started,
            String message) {
        gateway.stream(ScriptedGateway.events(events, end));
        try (GenerationStream stream = client.stream(PROMPT)) {
            GatewayException error = assertThrows(GatewayException.class, stream::collect);
            assertEquals(kind, error.kind());
            assertEquals(started, error.started());
            assertEquals(message, error.getMessage());
            assertFalse(stream.isFinished());
        }
    }

    @Test
    void anEventIsReadBeforeTheFailureThatFollowsIt() {
        gateway.stream(ScriptedGateway.events(CONTENT, failing(Status.UNAVAILABLE)));
        try (GenerationStream stream = client.stream(PROMPT)) {
            assertThrows(GatewayException.class, stream::collect);
            assertEquals("Hel", Answers.text(stream.response()));
            // The failure stays the same however often it is asked for.
            assertThrows(GatewayException.class, stream::collect);
        }
        assertEquals(1, gateway.requests.size());
    }

    @Test
    void theTimeBoundsTheStreamAsAWhole() throws InterruptedException {
        gateway.stream(ScriptedGateway.events(CONTENT, gateway.waiting()));
        try (GenerationStream stream = client.withTimeout(Duration.ofMillis(100)).stream(PROMPT)) {
            GatewayException error = assertThrows(GatewayException.class, stream::collect);
            assertEquals(ErrorKind.DEADLINE_EXCEEDED, error.kind());
        }
        gateway.awaitLeft();
    }

    private static ScriptedGateway.Step<StreamGenerateResponse> failing(Status status) {
        Metadata trailers = new Metadata();
        trailers.put(FailureReader.CALL_ID_KEY, "call_1");
        return ScriptedGateway.failing(status.withDescription("It failed.").asRuntimeException(trailers));
    }
}
