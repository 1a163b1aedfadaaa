package dev.llmgateway.client;

import dev.llmgateway.v1.ChatMessage;
import dev.llmgateway.v1.GenerateRequest;
import dev.llmgateway.v1.Part;
import dev.llmgateway.v1.Role;
import java.util.List;

/**
 * A request from a few words, for callers who need no more of the contract than that. Immutable.
 *
 * <pre>{@code
 * Prompt.of("Hello").model("mock/echo").system("Be brief.").temperature(0.7)
 * }</pre>
 *
 * <p>For anything else build a {@link GenerateRequest}, of which {@link #toRequest} is a beginning.
 */
public final class Prompt {
    private final GenerateRequest request;

    private Prompt(GenerateRequest request) {
        this.request = request;
    }

    /** Returns a prompt of the user's text. */
    public static Prompt of(String text) {
        return of(List.of(message(Role.ROLE_USER, text)));
    }

    /** Returns a prompt of a conversation, oldest message first. */
    public static Prompt of(List<ChatMessage> messages) {
        return new Prompt(GenerateRequest.newBuilder().addAllMessages(messages).build());
    }

    /** Returns this prompt for a model, {@code provider/model}, or a route. */
    public Prompt model(String model) {
        return new Prompt(request.toBuilder().setModel(model).build());
    }

    /** Returns this prompt with an instruction that precedes all of its messages. */
    public Prompt system(String instruction) {
        return new Prompt(request.toBuilder()
                .addMessages(0, message(Role.ROLE_SYSTEM, instruction))
                .build());
    }

    /** Returns this prompt with a randomness, from 0 to 2: 0 picks the likeliest. */
    public Prompt temperature(double temperature) {
        GenerateRequest.Builder changed = request.toBuilder();
        changed.getSamplingBuilder().setTemperature(temperature);
        return new Prompt(changed.build());
    }

    /** Returns this prompt with the most tokens to write, reasoning included. */
    public Prompt maxOutputTokenCount(int count) {
        return new Prompt(request.toBuilder().setMaxOutputTokenCount(count).build());
    }

    /** Returns the request that this prompt stands for. */
    public GenerateRequest toRequest() {
        return request;
    }

    private static ChatMessage message(Role role, String text) {
        return ChatMessage.newBuilder()
                .setRole(role)
                .addParts(Part.newBuilder().setText(text))
                .build();
    }
}
