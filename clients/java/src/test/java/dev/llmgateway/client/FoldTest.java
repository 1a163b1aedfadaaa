package dev.llmgateway.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.google.protobuf.UnknownFieldSet;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GenerationEvent;
import dev.llmgateway.v1.Part;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FoldTest {
    private static final String STARTED = "events { started {} } ";
    private static final String END = " events { candidate_finished {} } events { finished {} }";

    /** Events of one candidate's parts, and the parts that they add up to. */
    static Stream<Arguments> parts() {
        return Stream.of(
                arguments("no part", "", ""),
                arguments(
                        "text in pieces",
                        part("text: 'a'", "text: 'b'", "text: ''", "text: 'c'"),
                        "parts { text: 'abc' }"),
                arguments("text without deltas", part("text: 'whole'"), "parts { text: 'whole' }"),
                arguments("empty text stays a text", part("text: ''", "text: ''"), "parts { text: '' }"),
                arguments(
                        "reasoning",
                        part("reasoning { text: 'a' kind: KIND_SUMMARY }", "text: 'b'"),
                        "parts { reasoning { text: 'ab' kind: KIND_SUMMARY } }"),
                arguments("refusal", part("refusal: 'N'", "text: 'o.'"), "parts { refusal: 'No.' }"),
                arguments(
                        "arguments of a tool call",
                        part("tool_call { id: 'c' name: 'f' }", "arguments_json: '{'", "arguments_json: '}'"),
                        "parts { tool_call { id: 'c' name: 'f' arguments_json: '{}' } }"),
                arguments(
                        "arguments that the start began",
                        part("tool_call { arguments_json: '{' }", "arguments_json: '}'"),
                        "parts { tool_call { arguments_json: '{}' } }"),
                arguments(
                        "empty arguments are arguments",
                        part("tool_call { name: 'f' }", "arguments_json: ''"),
                        "parts { tool_call { name: 'f' arguments_json: '' } }"),
                arguments(
                        "text of a custom tool",
                        part("tool_call { name: 'f' }", "text: 'a'", "text: 'b'"),
                        "parts { tool_call { name: 'f' text: 'ab' } }"),
                arguments(
                        "data and transcript of media",
                        part(
                                "media { mime_type: 'audio/wav' data: '\\001' }",
                                "transcript: 'a'",
                                "data: '\\002\\377'",
                                "transcript: 'b'",
                                "data: '\\003'"),
                        "parts { media { mime_type: 'audio/wav' data: '\\001\\002\\377\\003' transcript: 'ab' } }"),
                arguments(
                        "transcript of media by reference",
                        part("media { file_id: 'file' }", "transcript: 'a'"),
                        "parts { media { file_id: 'file' transcript: 'a' } }"),
                arguments(
                        "tool result",
                        part("tool_result { tool_call_id: 'c' parts { text: 'x' } }"),
                        "parts { tool_result { tool_call_id: 'c' parts { text: 'x' } } }"),
                arguments(
                        "provider part",
                        part("provider_part { dialect: 'd' type: 't' json: '{}' }"),
                        "parts { provider_part { dialect: 'd' type: 't' json: '{}' } }"),
                arguments(
                        "annotations and log probabilities in order",
                        part(
                                "text: '' annotations { uri: '1' } logprobs { token: '1' }",
                                "text: 'x' annotations { uri: '2' }",
                                "logprobs { token: '2' logprob: -0.5 }",
                                "annotations { uri: '3' } annotations { uri: '4' }"),
                        "parts { text: 'x' annotations { uri: '1' } annotations { uri: '2' } annotations { uri: '3' } "
                                + "annotations { uri: '4' } logprobs { token: '1' } "
                                + "logprobs { token: '2' logprob: -0.5 } }"),
                arguments(
                        "signature and provider_json of the end replace those of the start",
                        "events { part_started { part { text: 'x' item_id: 'i' signature { provider: 'p' value: '1' } "
                                + "provider_json { key: 'a' value: '1' } provider_json { key: 'b' value: '1' } } } } "
                                + "events { part_finished { signature { provider: 'p' value: '2' } "
                                + "provider_json { key: 'b' value: '2' } provider_json { key: 'c' value: '2' } } }",
                        "parts { text: 'x' item_id: 'i' signature { provider: 'p' value: '2' } "
                                + "provider_json { key: 'a' value: '1' } provider_json { key: 'b' value: '2' } "
                                + "provider_json { key: 'c' value: '2' } }"),
                arguments(
                        "signature of the start stands",
                        part("text: 'x' signature { value: '1' }"),
                        "parts { text: 'x' signature { value: '1' } }"),
                arguments(
                        "parts interleave",
                        "events { part_started { index: 0 part { reasoning {} } } } "
                                + "events { part_started { index: 1 part { text: '' } } } "
                                + "events { part_delta { index: 1 text: 'b' } } "
                                + "events { part_delta { index: 0 text: 'a' } } "
                                + "events { part_finished { index: 1 } } "
                                + "events { part_delta { index: 0 text: 'a' } } "
                                + "events { part_finished { index: 0 } }",
                        "parts { reasoning { text: 'aa' } } parts { text: 'b' }"),
                arguments(
                        "deltas of an unknown kind of part are skipped, but not what every part has",
                        part("item_id: 'i'", "text: 'x' annotations { uri: 'u' }", "data: 'x'"),
                        "parts { item_id: 'i' annotations { uri: 'u' } }"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("parts")
    void partsAddUp(String name, String events, String expectedParts) {
        GenerateResponse folded = Fold.of(Protos.events(STARTED + events + END));
        assertEquals(
                Protos.response("candidates { message { role: ROLE_ASSISTANT " + expectedParts + " } }"), folded, name);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("parts")
    void aLookAtEveryEventChangesNothing(String name, String events, String expectedParts) {
        Fold looked = new Fold();
        for (GenerationEvent event : Protos.events(STARTED + events + END)) {
            looked.add(event);
            looked.response();
        }
        assertEquals(
                Protos.response("candidates { message { role: ROLE_ASSISTANT " + expectedParts + " } }"),
                looked.response(),
                name);
    }

    /** Whole streams. */
    static Stream<Arguments> streams() {
        return Stream.of(
                arguments(
                        "what finished leaves out stands as started said it",
                        "events { started { call { call_id: 'c' } usage { input_token_count: 1 } } } events { finished {} }",
                        "call { call_id: 'c' } usage { input_token_count: 1 }"),
                arguments(
                        "what finished says replaces the whole",
                        "events { started { call { call_id: 'c' model: 'm' } usage { input_token_count: 1 } } } "
                                + "events { finished { call { call_id: 'd' } usage { output_token_count: 2 } } }",
                        "call { call_id: 'd' } usage { output_token_count: 2 }"),
                arguments(
                        "candidates interleave, and are ordered by index",
                        STARTED
                                + "events { candidate_index: 2 part_started { part { text: 'c' } } } "
                                + "events { candidate_index: 0 part_started { part { text: 'a' } } } "
                                + "events { candidate_index: 2 part_delta { text: 'c' } } "
                                + "events { candidate_index: 0 part_finished {} } "
                                + "events { candidate_index: 0 candidate_finished { finish_reason: FINISH_REASON_STOP } } "
                                + "events { candidate_index: 2 part_finished {} } "
                                + "events { candidate_index: 2 candidate_finished {} } "
                                + "events { finished {} }",
                        "candidates { message { role: ROLE_ASSISTANT parts { text: 'a' } } "
                                + "finish_reason: FINISH_REASON_STOP } "
                                + "candidates { index: 2 message { role: ROLE_ASSISTANT parts { text: 'cc' } } }"),
                arguments(
                        "all that a candidate's end says",
                        STARTED
                                + "events { candidate_finished { finish_reason: 77 provider_finish_reason: 'p' "
                                + "stop_sequence: 's' provider_json: '{}' } } events { finished {} }",
                        "candidates { message { role: ROLE_ASSISTANT } finish_reason: 77 provider_finish_reason: 'p' "
                                + "stop_sequence: 's' provider_json: '{}' }"),
                arguments(
                        "heartbeats, provider events and what is newer change nothing",
                        "events { heartbeat {} } events {} events { provider_event { type: 't' } } "
                                + STARTED
                                + "events { heartbeat {} } events { candidate_index: 5 } "
                                + "events { provider_event { type: 't' } } events { finished {} } events {}",
                        ""));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("streams")
    void streamsAddUp(String name, String events, String expected) {
        assertEquals(Protos.response(expected), Fold.of(Protos.events(events)), name);
    }

    /** Events in an order that the contract does not allow. */
    static Stream<Arguments> violations() {
        String open = STARTED + "events { part_started { part { text: '' } } } ";
        return Stream.of(
                arguments(
                        "events { part_delta { text: 'x' } }", "part_delta precedes started, which is the first event"),
                arguments("events { finished {} }", "finished precedes started, which is the first event"),
                arguments(STARTED + STARTED, "started comes twice"),
                arguments(
                        STARTED + "events { finished {} } events { heartbeat {} }",
                        "heartbeat follows finished, which is the last event"),
                arguments(
                        STARTED + "events { finished {} } events { finished {} }",
                        "finished follows finished, which is the last event"),
                arguments(
                        STARTED + "events { candidate_index: -1 candidate_finished {} }",
                        "candidate -1: indexes start at 0"),
                arguments(
                        STARTED + "events { part_started { index: 1 } }",
                        "candidate 0, part 1: part_started comes where part 0 is the next"),
                arguments(
                        open + "events { part_started {} }",
                        "candidate 0, part 0: part_started comes where part 1 is the next"),
                arguments(
                        STARTED + "events { candidate_finished {} } events { part_started {} }",
                        "candidate 0, part 0: part_started follows candidate_finished"),
                arguments(
                        STARTED + "events { part_delta { text: 'x' } }",
                        "candidate 0, part 0: part_delta comes while the part is not open"),
                arguments(
                        open + "events { part_finished {} } events { part_delta { text: 'x' } }",
                        "candidate 0, part 0: part_delta comes while the part is not open"),
                arguments(
                        open + "events { part_finished {} } events { part_finished {} }",
                        "candidate 0, part 0: part_finished comes while the part is not open"),
                arguments(
                        open + "events { candidate_finished {} }",
                        "candidate 0: candidate_finished comes while parts are open: [0]"),
                arguments(
                        STARTED + "events { candidate_finished {} } events { candidate_finished {} }",
                        "candidate 0: candidate_finished comes twice"),
                arguments(
                        open + "events { candidate_index: 1 part_started {} } events { finished {} }",
                        "finished comes while candidates are open: [0, 1]"),
                arguments(STARTED, "the events end without finished, which is the last event"),
                misfit(
                        "text: ''",
                        "arguments_json: 'x'",
                        "a delta of arguments_json does not fit a part of the kind text"),
                misfit("reasoning {}", "data: 'x'", "a delta of data does not fit a part of the kind reasoning"),
                misfit(
                        "refusal: ''",
                        "transcript: 'x'",
                        "a delta of transcript does not fit a part of the kind refusal"),
                misfit("media {}", "text: 'x'", "a delta of text does not fit a part of the kind media"),
                misfit("media { uri: 'u' }", "data: 'x'", "a delta of data does not fit a media that holds uri"),
                misfit("tool_call {}", "data: 'x'", "a delta of data does not fit a part of the kind tool_call"),
                misfit("tool_result {}", "text: 'x'", "a delta of text does not fit a part of the kind tool_result"),
                misfit(
                        "provider_part {}",
                        "text: 'x'",
                        "a delta of text does not fit a part of the kind provider_part"),
                misfit(
                        "tool_call { text: '' }",
                        "arguments_json: 'x'",
                        "a delta of arguments_json does not fit a tool_call that holds text"),
                misfit(
                        "tool_call {}",
                        "text: '' } } events { part_delta { arguments_json: 'x'",
                        "a delta of arguments_json does not fit a tool_call that holds text"),
                misfit(
                        "tool_call {}",
                        "arguments_json: '' } } events { part_delta { text: 'x'",
                        "a delta of text does not fit a tool_call that holds arguments_json"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("violations")
    void whatTheGrammarForbidsIsRefused(String events, String message) {
        List<GenerationEvent> wrong = Protos.events(events);
        GrammarException error = assertThrows(GrammarException.class, () -> Fold.of(wrong));
        assertEquals(message, error.getMessage());
    }

    @Test
    void itIsFinishedWithTheLastEventAndNotBefore() {
        Fold fold = new Fold();
        List<GenerationEvent> events = Protos.events(Protos.HELLO);
        for (GenerationEvent event : events) {
            assertFalse(fold.isFinished());
            fold.add(event);
        }
        assertTrue(fold.isFinished());
        assertEquals("Hello", Answers.text(fold.response()));
        assertEquals(2, fold.response().getUsage().getOutputTokenCount());
    }

    @Test
    void aPartOfAnUnknownKindIsKeptWithAllItsFields() {
        UnknownFieldSet newer = UnknownFieldSet.newBuilder()
                .addField(99, UnknownFieldSet.Field.newBuilder().addVarint(7).build())
                .build();
        Part part = Part.newBuilder().setUnknownFields(newer).build();
        Fold fold = new Fold();
        Protos.events(STARTED).forEach(fold::add);
        GenerationEvent.Builder opened = GenerationEvent.newBuilder();
        opened.getPartStartedBuilder().setPart(part);
        fold.add(opened.build());
        Protos.events("events { part_delta { text: 'x' } } events { part_finished {} }")
                .forEach(fold::add);
        assertEquals(part, fold.response().getCandidates(0).getMessage().getParts(0));
    }

    /** Returns the events of one part: how it starts, and its deltas. */
    private static String part(String start, String... deltas) {
        StringBuilder events = new StringBuilder("events { part_started { part { " + start + " } } } ");
        Stream.of(deltas).forEach(delta -> events.append("events { part_delta { " + delta + " } } "));
        return events + "events { part_finished {} }";
    }

    private static Arguments misfit(String start, String delta, String message) {
        return arguments(STARTED + part(start, delta), "candidate 0, part 0: " + message);
    }
}
