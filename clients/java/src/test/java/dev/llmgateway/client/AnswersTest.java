package dev.llmgateway.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.llmgateway.v1.GenerateResponse;
import org.junit.jupiter.api.Test;

class AnswersTest {
    private static final GenerateResponse RESPONSE = Protos.response("""
            candidates { message { parts { reasoning { text: "hm" } } parts { text: "a" } parts { refusal: "no" } parts { text: "b" } } }
            candidates { index: 2 message { parts { text: "c" } } }
            """);

    @Test
    void theTextIsThatOfTextPartsOfOneCandidate() {
        assertEquals("ab", Answers.text(RESPONSE));
        assertEquals("c", Answers.text(RESPONSE, 2));
        assertEquals("", Answers.text(RESPONSE, 1));
    }
}
