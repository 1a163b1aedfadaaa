package dev.llmgateway.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.llmgateway.v1.ChatMessage;
import dev.llmgateway.v1.GenerateRequest;
import java.util.List;
import org.junit.jupiter.api.Test;

class PromptTest {
    @Test
    void aTextIsTheUsersMessage() {
        assertEquals(
                request("messages { role: ROLE_USER parts { text: 'Hi' } }"),
                Prompt.of("Hi").toRequest());
    }

    @Test
    void everyOptionHasItsFieldAndTheSystemsMessageComesFirst() {
        Prompt prompt =
                Prompt.of("Hi").model("m").temperature(0).maxOutputTokenCount(3).system("Be kind.");
        assertEquals(
                request("model: 'm' messages { role: ROLE_SYSTEM parts { text: 'Be kind.' } } "
                        + "messages { role: ROLE_USER parts { text: 'Hi' } } "
                        + "sampling { temperature: 0 } max_output_token_count: 3"),
                prompt.toRequest());
    }

    @Test
    void messagesAreTakenAsTheyAre() {
        ChatMessage message = Protos.message("role: ROLE_TOOL name: 'n'", ChatMessage.getDefaultInstance());
        assertEquals(List.of(message), Prompt.of(List.of(message)).toRequest().getMessagesList());
    }

    @Test
    void aChangedPromptLeavesTheFirstAsItWas() {
        Prompt first = Prompt.of("Hi");
        Prompt second = first.model("m");
        assertEquals("", first.toRequest().getModel());
        assertEquals("m", second.toRequest().getModel());
    }

    private static GenerateRequest request(String text) {
        return Protos.message(text, GenerateRequest.getDefaultInstance());
    }
}
