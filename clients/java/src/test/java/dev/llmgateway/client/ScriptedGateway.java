package dev.llmgateway.client;

import dev.llmgateway.v1.CompareRequest;
import dev.llmgateway.v1.CompareResponse;
import dev.llmgateway.v1.CountTokensRequest;
import dev.llmgateway.v1.CountTokensResponse;
import dev.llmgateway.v1.EmbedRequest;
import dev.llmgateway.v1.EmbedResponse;
import dev.llmgateway.v1.ExplainRouteRequest;
import dev.llmgateway.v1.ExplainRouteResponse;
import dev.llmgateway.v1.GenerateRequest;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GenerationEvent;
import dev.llmgateway.v1.GetModelRequest;
import dev.llmgateway.v1.GetModelResponse;
import dev.llmgateway.v1.LLMGatewayGrpc;
import dev.llmgateway.v1.ListModelsRequest;
import dev.llmgateway.v1.ListModelsResponse;
import dev.llmgateway.v1.Model;
import dev.llmgateway.v1.RerankRequest;
import dev.llmgateway.v1.RerankResponse;
import dev.llmgateway.v1.StreamGenerateResponse;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Deadline;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A real server of the contract on loopback, whose answers a test scripts, call by call. */
final class ScriptedGateway extends LLMGatewayGrpc.LLMGatewayImplBase implements AutoCloseable {
    static final long WAIT_S = 20;

    private static final Context.Key<Metadata> HEADERS = Context.key("headers");

    /** What it does with a call. */
    @FunctionalInterface
    interface Step<M> {
        void answer(StreamObserver<M> caller);
    }

    final BlockingQueue<Object> requests = new LinkedBlockingQueue<>();
    final Queue<Metadata> headers = new ConcurrentLinkedQueue<>();
    final Queue<SocketAddress> peers = new ConcurrentLinkedQueue<>();
    final Queue<Long> remainingMs = new ConcurrentLinkedQueue<>();

    /** Open until a caller has left a call that waits. */
    final CountDownLatch left = new CountDownLatch(1);

    private final Server server;
    private final Deque<Step<GenerateResponse>> generations = new ArrayDeque<>();
    private final Deque<Step<StreamGenerateResponse>> streams = new ArrayDeque<>();
    private final Deque<Step<CompareResponse>> comparisons = new ArrayDeque<>();

    ScriptedGateway() {
        this(0);
    }

    ScriptedGateway(int port) {
        try {
            server = Grpc.newServerBuilderForPort(port, InsecureServerCredentials.create())
                    .addService(this)
                    .intercept(new Notes())
                    .build()
                    .start();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    int port() {
        return server.getPort();
    }

    GatewayClient.Builder client() {
        return GatewayClient.builder().target("127.0.0.1:" + port());
    }

    @Override
    public void close() {
        server.shutdownNow();
    }

    /** Answers the next generations so, each once but for the last. */
    void generations(List<Step<GenerateResponse>> steps) {
        generations.clear();
        generations.addAll(steps);
    }

    /** Answers every generation so. */
    void generation(Step<GenerateResponse> step) {
        generations(List.of(step));
    }

    /** Answers every stream so. */
    void stream(Step<StreamGenerateResponse> step) {
        streams.clear();
        streams.add(step);
    }

    /** Answers every comparison so. */
    void comparison(Step<CompareResponse> step) {
        comparisons.clear();
        comparisons.add(step);
    }

    static Step<GenerateResponse> text(String text) {
        return caller -> end(
                caller,
                Protos.response("candidates { message { role: ROLE_ASSISTANT parts { text: '" + text + "' } } }"));
    }

    static <M> Step<M> failing(StatusRuntimeException status) {
        return caller -> caller.onError(status);
    }

    /** Sends events, one in each message, and does what is told afterwards. */
    static Step<StreamGenerateResponse> events(String text, Step<StreamGenerateResponse> then) {
        return caller -> {
            for (GenerationEvent event : Protos.events(text)) {
                caller.onNext(
                        StreamGenerateResponse.newBuilder().addEvents(event).build());
            }
            then.answer(caller);
        };
    }

    /** Leaves a call open until its caller leaves. */
    <M> Step<M> waiting() {
        return caller -> Context.current().addListener(context -> left.countDown(), Runnable::run);
    }

    void awaitLeft() throws InterruptedException {
        if (!left.await(WAIT_S, TimeUnit.SECONDS)) {
            throw new AssertionError("nobody has left");
        }
    }

    @Override
    public void generate(GenerateRequest request, StreamObserver<GenerateResponse> caller) {
        next(generations, request).answer(caller);
    }

    @Override
    public void streamGenerate(GenerateRequest request, StreamObserver<StreamGenerateResponse> caller) {
        next(streams, request).answer(caller);
    }

    @Override
    public void compare(CompareRequest request, StreamObserver<CompareResponse> caller) {
        next(comparisons, request).answer(caller);
    }

    @Override
    public void embed(EmbedRequest request, StreamObserver<EmbedResponse> caller) {
        note(request);
        EmbedResponse.Builder response = EmbedResponse.newBuilder();
        request.getInputsList().forEach(input -> response.addEmbeddingsBuilder());
        end(caller, response.build());
    }

    @Override
    public void rerank(RerankRequest request, StreamObserver<RerankResponse> caller) {
        note(request);
        end(caller, Protos.message("results { index: 1 }", RerankResponse.getDefaultInstance()));
    }

    @Override
    public void countTokens(CountTokensRequest request, StreamObserver<CountTokensResponse> caller) {
        note(request);
        end(caller, CountTokensResponse.newBuilder().setInputTokenCount(7).build());
    }

    @Override
    public void explainRoute(ExplainRouteRequest request, StreamObserver<ExplainRouteResponse> caller) {
        note(request);
        end(caller, ExplainRouteResponse.newBuilder().setRoute("fast").build());
    }

    @Override
    public void getModel(GetModelRequest request, StreamObserver<GetModelResponse> caller) {
        note(request);
        end(
                caller,
                GetModelResponse.newBuilder().setModel(model(request.getId())).build());
    }

    /** Answers with two pages of a model each. */
    @Override
    public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> caller) {
        note(request);
        boolean first = request.getPageToken().isEmpty();
        end(
                caller,
                ListModelsResponse.newBuilder()
                        .addModels(model(first ? "a" : "b"))
                        .setNextPageToken(first ? "more" : "")
                        .build());
    }

    private static Model model(String id) {
        return Model.newBuilder().setId(id).build();
    }

    private static <M> void end(StreamObserver<M> caller, M answer) {
        caller.onNext(answer);
        caller.onCompleted();
    }

    private <M> Step<M> next(Deque<Step<M>> steps, Object request) {
        note(request);
        synchronized (steps) {
            Step<M> step = steps.size() > 1 ? steps.poll() : steps.peek();
            return step == null ? failing(Status.UNIMPLEMENTED.asRuntimeException()) : step;
        }
    }

    private void note(Object request) {
        requests.add(request);
        headers.add(HEADERS.get());
        Deadline deadline = Context.current().getDeadline();
        if (deadline != null) {
            remainingMs.add(deadline.timeRemaining(TimeUnit.MILLISECONDS));
        }
    }

    /** Notes what a call brings beside its request. */
    private final class Notes implements ServerInterceptor {
        @Override
        public <R, M> ServerCall.Listener<R> interceptCall(
                ServerCall<R, M> call, Metadata came, ServerCallHandler<R, M> next) {
            SocketAddress peer = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
            if (peer != null) {
                peers.add(peer);
            }
            return Contexts.interceptCall(Context.current().withValue(HEADERS, came), call, came, next);
        }
    }
}
