package dev.llmgateway.client;

import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GenerationEvent;
import dev.llmgateway.v1.StreamGenerateResponse;
import java.util.List;

/** Messages from their text format, which tables can be read in. */
final class Protos {
    /** A whole stream with one text. */
    static final String HELLO = """
            events { sequence_number: 1 started { call { call_id: "call_1" } } }
            events { sequence_number: 2 part_started { part { text: "" } } }
            events { sequence_number: 3 part_delta { text: "Hel" } }
            events { sequence_number: 4 part_delta { text: "lo" } }
            events { sequence_number: 5 part_finished {} }
            events { sequence_number: 6 candidate_finished { finish_reason: FINISH_REASON_STOP } }
            events { sequence_number: 7 finished { usage { output_token_count: 2 } } }
            """;

    private Protos() {}

    static List<GenerationEvent> events(String text) {
        return message(text, StreamGenerateResponse.getDefaultInstance()).getEventsList();
    }

    static GenerateResponse response(String text) {
        return message(text, GenerateResponse.getDefaultInstance());
    }

    static <M extends Message> M message(String text, M empty) {
        Message.Builder builder = empty.newBuilderForType();
        try {
            TextFormat.merge(text, builder);
        } catch (TextFormat.ParseException wrong) {
            throw new IllegalArgumentException(text, wrong);
        }
        @SuppressWarnings("unchecked")
        M message = (M) builder.build();
        return message;
    }
}
