package dev.llmgateway.client;

import dev.llmgateway.v1.CompareRequest;
import dev.llmgateway.v1.CountTokensRequest;
import dev.llmgateway.v1.CountTokensResponse;
import dev.llmgateway.v1.EmbedInput;
import dev.llmgateway.v1.EmbedRequest;
import dev.llmgateway.v1.EmbedResponse;
import dev.llmgateway.v1.ExplainRouteRequest;
import dev.llmgateway.v1.ExplainRouteResponse;
import dev.llmgateway.v1.GenerateRequest;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GetModelRequest;
import dev.llmgateway.v1.LLMGatewayGrpc;
import dev.llmgateway.v1.ListModelsRequest;
import dev.llmgateway.v1.ListModelsResponse;
import dev.llmgateway.v1.Model;
import dev.llmgateway.v1.RerankRequest;
import dev.llmgateway.v1.RerankResponse;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The gateway's calls, each bounded by one time-out, retries and waits included. Safe for any number of threads.
 *
 * <p>What they are asked is a {@link Prompt}, or a whole message of the contract. Each throws a
 * {@link GatewayException} if it fails. A thread that is interrupted while it waits cancels its call and stays
 * interrupted; the error's code is {@code CANCELLED} then. The future of an {@code …Async} method fails with the same
 * exceptions, and cancelling it cancels the call.
 */
public class Gateway {
    private static final int PAGE_SIZE = 1_000;
    static final Status NO_ANSWER = Status.INTERNAL.withDescription("The call ended without an answer.");

    private final Channel channel;
    private final Failures failures;
    private final @Nullable Duration timeout;

    Gateway(Channel channel, Failures failures, @Nullable Duration timeout) {
        this.channel = channel;
        this.failures = failures;
        this.timeout = timeout;
    }

    /** Returns the same gateway with another time-out for each call; of a stream it bounds the whole. */
    public final Gateway withTimeout(Duration bound) {
        return new Gateway(channel, failures, bound);
    }

    /** Returns the same gateway with calls that the gateway's own deadline alone bounds. */
    public final Gateway withoutTimeout() {
        return new Gateway(channel, failures, null);
    }

    /** Returns a whole answer. */
    public final GenerateResponse generate(Prompt prompt) {
        return generate(prompt.toRequest());
    }

    /** Returns a whole answer. */
    public final GenerateResponse generate(GenerateRequest request) {
        return call(LLMGatewayGrpc.getGenerateMethod(), request);
    }

    /** Returns the future of a whole answer. */
    public final CompletableFuture<GenerateResponse> generateAsync(Prompt prompt) {
        return generateAsync(prompt.toRequest());
    }

    /** Returns the future of a whole answer. */
    public final CompletableFuture<GenerateResponse> generateAsync(GenerateRequest request) {
        return callAsync(LLMGatewayGrpc.getGenerateMethod(), request);
    }

    /** Begins an answer and returns it as it is written: close it. */
    public final GenerationStream stream(Prompt prompt) {
        return stream(prompt.toRequest());
    }

    /** Begins an answer and returns it as it is written: close it. */
    public final GenerationStream stream(GenerateRequest request) {
        return new GenerationStream(start(LLMGatewayGrpc.getStreamGenerateMethod(), request, options()), failures);
    }

    /**
     * Begins what 2 to 16 models answer and returns it as each writes it: close it. The prompt names no model:
     * {@code models} does.
     */
    public final Comparison compare(Prompt prompt, List<String> models) {
        return compare(prompt.toRequest(), models);
    }

    /** Begins what 2 to 16 models answer and returns it as each writes it: close it. The request names no model. */
    public final Comparison compare(GenerateRequest request, List<String> models) {
        CompareRequest asked = CompareRequest.newBuilder()
                .setGeneration(request)
                .addAllModels(models)
                .build();
        return new Comparison(start(LLMGatewayGrpc.getCompareMethod(), asked, options()), models, failures);
    }

    /** Returns a vector for each text, of the model's own length. */
    public final EmbedResponse embed(String model, List<String> texts) {
        return embed(embedding(model, texts).build());
    }

    /** Returns a vector of {@code dimensionCount} numbers for each text. */
    public final EmbedResponse embed(String model, List<String> texts, int dimensionCount) {
        return embed(embedding(model, texts).setDimensionCount(dimensionCount).build());
    }

    /** Returns a vector for each input. */
    public final EmbedResponse embed(EmbedRequest request) {
        return call(LLMGatewayGrpc.getEmbedMethod(), request);
    }

    /** Returns the future of a vector for each input. */
    public final CompletableFuture<EmbedResponse> embedAsync(EmbedRequest request) {
        return callAsync(LLMGatewayGrpc.getEmbedMethod(), request);
    }

    /** Returns how well documents answer a query, best first: all of them. */
    public final RerankResponse rerank(String model, String query, List<String> documents) {
        return rerank(ranking(model, query, documents).build());
    }

    /** Returns how well documents answer a query, best first: the best {@code resultCount} of them. */
    public final RerankResponse rerank(String model, String query, List<String> documents, int resultCount) {
        return rerank(
                ranking(model, query, documents).setResultCount(resultCount).build());
    }

    /** Returns how well documents answer a query, best first. */
    public final RerankResponse rerank(RerankRequest request) {
        return call(LLMGatewayGrpc.getRerankMethod(), request);
    }

    /** Returns the future of how well documents answer a query. */
    public final CompletableFuture<RerankResponse> rerankAsync(RerankRequest request) {
        return callAsync(LLMGatewayGrpc.getRerankMethod(), request);
    }

    /** Returns how many tokens a generation would read. */
    public final CountTokensResponse countTokens(Prompt prompt) {
        return countTokens(prompt.toRequest());
    }

    /** Returns how many tokens a generation would read. */
    public final CountTokensResponse countTokens(GenerateRequest request) {
        return call(
                LLMGatewayGrpc.getCountTokensMethod(),
                CountTokensRequest.newBuilder().setGeneration(request).build());
    }

    /** Returns where a generation would go now, and why. Nothing is sent to any model. */
    public final ExplainRouteResponse explain(Prompt prompt) {
        return explain(prompt.toRequest());
    }

    /** Returns where a generation would go now, and why. Nothing is sent to any model. */
    public final ExplainRouteResponse explain(GenerateRequest request) {
        return call(
                LLMGatewayGrpc.getExplainRouteMethod(),
                ExplainRouteRequest.newBuilder().setGeneration(request).build());
    }

    /** Returns one model or route; fails with {@link ErrorKind#NOT_FOUND} where there is none of that name. */
    public final Model model(String id) {
        GetModelRequest request = GetModelRequest.newBuilder().setId(id).build();
        return call(LLMGatewayGrpc.getGetModelMethod(), request).getModel();
    }

    /** Returns all models and routes that the key may use. The time-out bounds all pages together. */
    public final List<Model> models() {
        CallOptions options = options();
        List<Model> models = new ArrayList<>();
        String token = "";
        do {
            ListModelsRequest request = ListModelsRequest.newBuilder()
                    .setPageSize(PAGE_SIZE)
                    .setPageToken(token)
                    .build();
            ListModelsResponse page = call(LLMGatewayGrpc.getListModelsMethod(), request, options);
            models.addAll(page.getModelsList());
            token = page.getNextPageToken();
        } while (!token.isEmpty());
        return List.copyOf(models);
    }

    private static EmbedRequest.Builder embedding(String model, List<String> texts) {
        EmbedRequest.Builder request = EmbedRequest.newBuilder().setModel(model);
        texts.forEach(text -> request.addInputs(EmbedInput.newBuilder().setText(text)));
        return request;
    }

    private static RerankRequest.Builder ranking(String model, String query, List<String> documents) {
        return RerankRequest.newBuilder().setModel(model).setQuery(query).addAllDocuments(documents);
    }

    /** Returns the options of a call that begins now. */
    private CallOptions options() {
        return timeout == null
                ? CallOptions.DEFAULT
                : CallOptions.DEFAULT.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    private <R, M> M call(MethodDescriptor<R, M> method, R request) {
        return call(method, request, options());
    }

    private <R, M> M call(MethodDescriptor<R, M> method, R request, CallOptions options) {
        try (RunningCall<M> running = start(method, request, options)) {
            try {
                M answer = running.read();
                // The status follows the answer, and decides.
                if (answer == null || running.read() != null) {
                    throw NO_ANSWER.asRuntimeException();
                }
                return answer;
            } catch (StatusRuntimeException error) {
                throw failures.read(error, false, running.isAnswered());
            }
        }
    }

    private <R, M> CompletableFuture<M> callAsync(MethodDescriptor<R, M> method, R request) {
        return CallFuture.start(channel, method, options(), request, failures);
    }

    private <R, M> RunningCall<M> start(MethodDescriptor<R, M> method, R request, CallOptions options) {
        return RunningCall.start(channel, method, options, request);
    }
}
