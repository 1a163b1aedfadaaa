package dev.llmgateway.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.llmgateway.v1.CompareRequest;
import dev.llmgateway.v1.CompareResponse;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class ComparisonTest {
    private static final Prompt PROMPT = Prompt.of("Why?");
    private static final List<String> MODELS = List.of("a", "b");
    private static final String FAILURE =
            "model_index: 1 failure { code: 14 reason: ERROR_REASON_PROVIDER_OVERLOADED message: 'Wait.' "
                    + "failure { call_id: 'call_b' } }";

    private final ScriptedGateway gateway = new ScriptedGateway();
    private final GatewayClient client = gateway.client().build();

    @AfterEach
    void close() {
        client.close();
        gateway.close();
    }

    @Test
    void aModelThatFailsEndsNothingForTheOthers() {
        gateway.comparison(sending(StreamObserver::onCompleted, events(1, "started {}"), FAILURE, whole(0)));
        try (Comparison comparison = client.compare(PROMPT, MODELS)) {
            List<String> seen = new ArrayList<>();
            for (ComparedEvent came : comparison) {
                seen.add(came.model().name()
                        + came.event().map(event -> event.getEventCase().name()).orElse("!"));
            }
            assertEquals(
                    List.of(
                            "bSTARTED",
                            "b!",
                            "aSTARTED",
                            "aPART_STARTED",
                            "aPART_FINISHED",
                            "aCANDIDATE_FINISHED",
                            "aFINISHED"),
                    seen);
            ComparedModel first = comparison.models().get(0);
            assertTrue(first.isFinished());
            assertEquals("Hello", Answers.text(first.result()));
            ComparedModel second = comparison.models().get(1);
            assertTrue(second.hasEnded());
            assertFalse(second.isFinished());
            assertEquals(1, second.index());
            GatewayException error = second.error().orElseThrow();
            assertEquals("Wait. [PROVIDER_OVERLOADED, call call_b]", error.getMessage());
            assertSame(error, assertThrows(GatewayException.class, second::result));
        }
        assertEquals(
                CompareRequest.newBuilder()
                        .setGeneration(PROMPT.toRequest())
                        .addAllModels(MODELS)
                        .build(),
                gateway.requests.remove());
    }

    @Test
    void aFailureAfterContentIsABrokenStream() {
        gateway.comparison(sending(
                StreamObserver::onCompleted,
                events(1, "started {}", "part_started { part { text: 'x' } }"),
                FAILURE,
                whole(0)));
        try (Comparison comparison = client.compare(PROMPT, MODELS)) {
            ComparedModel second = comparison.collect().get(1);
            assertEquals(ErrorKind.STREAM_BROKEN, second.error().orElseThrow().kind());
            assertEquals("x", Answers.text(second.response()));
        }
    }

    @Test
    void whatConcernsAllIsTheErrorOfEachThatHadNotEnded() {
        Metadata trailers = new Metadata();
        trailers.put(FailureReader.CALL_ID_KEY, "call_1");
        gateway.comparison(sending(
                caller -> caller.onError(
                        Status.UNAVAILABLE.withDescription("It failed.").asRuntimeException(trailers)),
                whole(0),
                events(1, "started {}")));
        try (Comparison comparison = client.compare(PROMPT, MODELS)) {
            GatewayException error = assertThrows(GatewayException.class, comparison::collect);
            // Content of the other has come.
            assertEquals(ErrorKind.STREAM_BROKEN, error.kind());
            assertTrue(comparison.models().get(0).error().isEmpty());
            assertSame(error, comparison.models().get(1).error().orElseThrow());
        }
    }

    static Stream<Arguments> senseless() {
        return Stream.of(
                arguments(List.of(whole(0)), "The stream ended before every model had."),
                arguments(List.of(whole(2)), "The stream makes no sense: there is no model 2."),
                arguments(List.of(whole(-1)), "The stream makes no sense: there is no model -1."),
                arguments(List.of(whole(0), whole(0)), "The stream makes no sense: a goes on after its end."),
                arguments(List.of(FAILURE, whole(1)), "The stream makes no sense: b goes on after its end."),
                arguments(
                        List.of(events(1, "finished {}")),
                        "The stream makes no sense: b: finished precedes started, which is the first event."));
    }

    @ParameterizedTest
    @MethodSource("senseless")
    void whatMakesNoSenseIsThrown(List<String> messages, String expected) {
        gateway.comparison(sending(StreamObserver::onCompleted, messages.toArray(String[]::new)));
        try (Comparison comparison = client.compare(PROMPT, MODELS)) {
            GatewayException error = assertThrows(GatewayException.class, comparison::collect);
            assertEquals(expected, error.plainMessage());
            assertEquals(ErrorKind.STREAM_BROKEN, error.kind());
            assertTrue(comparison.models().stream().allMatch(ComparedModel::hasEnded));
        }
    }

    @Test
    void anItemOfAnUnknownKindIsSkipped() {
        gateway.comparison(sending(StreamObserver::onCompleted, whole(0), "model_index: 1", whole(1)));
        try (Comparison comparison = client.compare(PROMPT, MODELS)) {
            comparison.collect().forEach(model -> assertEquals("Hello", Answers.text(model.result())));
        }
    }

    @Test
    void leavingTheBlockCancelsTheCall() throws InterruptedException {
        gateway.comparison(sending(gateway.waiting(), events(0, "started {}")));
        Comparison comparison = client.compare(PROMPT, MODELS);
        try (comparison) {
            comparison.iterator().next();
        }
        gateway.awaitLeft();
        ComparedModel first = comparison.models().get(0);
        assertThrows(IllegalStateException.class, first::result);
        assertThrows(IllegalStateException.class, comparison::collect);
    }

    private static ScriptedGateway.Step<CompareResponse> sending(
            ScriptedGateway.Step<CompareResponse> then, String... messages) {
        return caller -> {
            for (String message : messages) {
                caller.onNext(Protos.message(message, CompareResponse.getDefaultInstance()));
            }
            then.answer(caller);
        };
    }

    private static String whole(int model) {
        return events(
                model,
                "started {}",
                "part_started { part { text: 'Hello' } }",
                "part_finished {}",
                "candidate_finished {}",
                "finished {}");
    }

    private static String events(int model, String... events) {
        StringBuilder text = new StringBuilder("model_index: " + model + " events { ");
        Stream.of(events).forEach(event -> text.append("events { " + event + " } "));
        return text + "}";
    }
}
