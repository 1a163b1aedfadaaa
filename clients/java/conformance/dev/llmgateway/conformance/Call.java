package dev.llmgateway.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.llmgateway.client.Answers;
import dev.llmgateway.client.ComparedEvent;
import dev.llmgateway.client.ComparedModel;
import dev.llmgateway.client.Comparison;
import dev.llmgateway.client.Gateway;
import dev.llmgateway.client.GatewayException;
import dev.llmgateway.client.GenerationStream;
import dev.llmgateway.v1.ChatMessage;
import dev.llmgateway.v1.CompareRequest;
import dev.llmgateway.v1.CountTokensRequest;
import dev.llmgateway.v1.EmbedRequest;
import dev.llmgateway.v1.ExplainRouteRequest;
import dev.llmgateway.v1.GenerateRequest;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GenerationEvent;
import dev.llmgateway.v1.GetModelRequest;
import dev.llmgateway.v1.Model;
import dev.llmgateway.v1.RerankRequest;
import java.time.Duration;
import java.util.Base64;

/** Makes the call of a case, and notes what it brings in an answer. */
final class Call {
    private static final double NANOS_PER_S = 1e9;

    private final Case asked;
    private final Gateway gateway;
    private final JsonObject answer;

    Call(Case asked, Gateway gateway, JsonObject answer) {
        this.asked = asked;
        this.gateway = asked.timeoutS() == null
                ? gateway
                : gateway.withTimeout(Duration.ofNanos((long) (asked.timeoutS() * NANOS_PER_S)));
        this.answer = answer;
    }

    /** Makes it; throws a {@link GatewayException} where it fails, and has noted what came before. */
    void make() {
        try {
            ask();
        } catch (InvalidProtocolBufferException broken) {
            throw new IllegalArgumentException("The case holds no " + asked.rpc() + " request.", broken);
        }
    }

    private void ask() throws InvalidProtocolBufferException {
        byte[] request = Base64.getDecoder().decode(asked.requestBytes());
        switch (asked.rpc()) {
            case "StreamGenerate" -> stream(GenerateRequest.parseFrom(request));
            case "Compare" -> compare(CompareRequest.parseFrom(request));
            case "ListModels" -> {
                JsonArray ids = new JsonArray();
                gateway.models().stream().map(Model::getId).forEach(ids::add);
                answer.add("model_ids", ids);
            }
            case "Generate" -> {
                GenerateResponse response = gateway.generate(GenerateRequest.parseFrom(request));
                note(response);
                if (asked.followUpBytes() != null) {
                    followUp(response, asked.followUpBytes());
                }
            }
            case "Embed" -> note(gateway.embed(EmbedRequest.parseFrom(request)));
            case "Rerank" -> note(gateway.rerank(RerankRequest.parseFrom(request)));
            case "CountTokens" ->
                note(gateway.countTokens(CountTokensRequest.parseFrom(request).getGeneration()));
            case "ExplainRoute" ->
                note(gateway.explain(ExplainRouteRequest.parseFrom(request).getGeneration()));
            case "GetModel" ->
                note(gateway.model(GetModelRequest.parseFrom(request).getId()));
            default -> throw new IllegalArgumentException("no such RPC: " + asked.rpc());
        }
    }

    private void note(Message response) {
        answer.addProperty("response", Described.message(response));
    }

    private void stream(GenerateRequest request) throws InvalidProtocolBufferException {
        JsonArray events = new JsonArray();
        answer.add("events", events);
        GenerationStream stream = gateway.stream(request);
        try (stream) {
            for (GenerationEvent event : stream) {
                events.add(Described.message(event));
                if (events.size() == asked.leaveAfter()) {
                    answer.addProperty("left", true);
                    break;
                }
            }
        } finally {
            note(stream.response());
            answer.addProperty("text", Answers.text(stream.response()));
            answer.addProperty("is_finished", stream.isFinished());
        }
        if (asked.followUpBytes() != null) {
            followUp(stream.response(), asked.followUpBytes());
        }
    }

    private void compare(CompareRequest request) {
        JsonArray events = new JsonArray();
        answer.add("events", events);
        Comparison comparison = gateway.compare(request.getGeneration(), request.getModelsList());
        try (comparison) {
            for (ComparedEvent came : comparison) {
                events.add(describe(came));
                if (events.size() == asked.leaveAfter()) {
                    answer.addProperty("left", true);
                    break;
                }
            }
        } finally {
            JsonArray models = new JsonArray();
            comparison.models().forEach(model -> models.add(describe(model)));
            answer.add("models", models);
        }
    }

    private static JsonObject describe(ComparedEvent came) {
        JsonObject described = new JsonObject();
        described.addProperty("model_index", came.model().index());
        came.event().ifPresent(event -> described.addProperty("event", Described.message(event)));
        if (came.event().isEmpty()) {
            came.model().error().ifPresent(error -> described.add("error", Described.error(error)));
        }
        return described;
    }

    private static JsonObject describe(ComparedModel model) {
        JsonObject described = new JsonObject();
        described.addProperty("name", model.name());
        described.addProperty("response", Described.message(model.response()));
        described.add("error", model.error().map(Described::error).orElse(null));
        return described;
    }

    /** Asks once more with the answer's message before the last one. */
    private void followUp(GenerateResponse first, String followUpBytes) throws InvalidProtocolBufferException {
        GenerateRequest.Builder request =
                GenerateRequest.parseFrom(Base64.getDecoder().decode(followUpBytes)).toBuilder();
        ChatMessage message = first.getCandidates(0).getMessage();
        request.addMessages(request.getMessagesCount() - 1, message);
        answer.addProperty("sent", Described.message(request.build()));
        answer.addProperty("follow_up", Described.message(gateway.generate(request.build())));
    }
}
