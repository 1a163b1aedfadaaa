package dev.llmgateway.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Opens channels to a gateway, with the settings that suit it: retries, keep-alive, limits. */
final class Channels {
    private static final String SERVICE = "llmgateway.v1.LLMGateway";
    private static final String USER_AGENT = "llmgateway-java";

    private static final int MAX_RECEIVED_BYTES = 64 * 1024 * 1024;
    // A request larger than its buffer could not be sent again: as large as the largest that the gateway takes.
    private static final long RETRY_BUFFER_BYTES = 32L * 1024 * 1024;
    private static final long ALL_RETRY_BUFFERS_BYTES = 8 * RETRY_BUFFER_BYTES;
    // Models are silent for minutes: without pings a connection that died in the meantime goes unnoticed, and one that
    // lives is cut by whatever lies between. The gateway permits a ping every 20 s.
    private static final long KEEPALIVE_INTERVAL_S = 30;
    private static final long KEEPALIVE_TIMEOUT_S = 10;
    // A restarted gateway is found again within seconds; the library's own back-off grows to two minutes.
    private static final long MAX_RECONNECT_BACKOFF_S = 5;

    // A try ends for good with the first message or early metadata, so that nothing is answered twice. The gateway has
    // tried the targets itself and says so by push-back: what is left is a gateway that restarts or cannot be reached.
    // CANCELLED is what gRPC's server says of a call that comes between its stop and the news of it (GOAWAY), before
    // any
    // handler has seen it; a caller's own cancel is never tried again. RESOURCE_EXHAUSTED is not here: a rate limit may
    // last for minutes, and a request that is too large stays so.
    private static final List<String> RETRIED_CODES = List.of("UNAVAILABLE", "CANCELLED");
    private static final double MAX_TRIES = 4;
    // Every failed try takes one of the tokens, every call that succeeds gives half a one back; below half of them
    // nothing is tried again. A rolling restart fails dozens of calls at once, an outage thousands.
    private static final double THROTTLING_TOKENS = 100;
    private static final double THROTTLING_RATIO = 0.5;

    private Channels() {}

    /** Opens so many channels; each connects with its first call. */
    static LeastBusyChannel open(String target, ChannelCredentials credentials, int count) {
        return new LeastBusyChannel(
                Stream.generate(() -> open(target, credentials)).limit(count).toList());
    }

    private static ManagedChannel open(String target, ChannelCredentials credentials) {
        ManagedChannel channel = Grpc.newChannelBuilder(target, credentials)
                .userAgent(USER_AGENT)
                .defaultServiceConfig(serviceConfig())
                .defaultLoadBalancingPolicy("round_robin")
                .enableRetry()
                .perRpcBufferLimit(RETRY_BUFFER_BYTES)
                .retryBufferSize(ALL_RETRY_BUFFERS_BYTES)
                .maxInboundMessageSize(MAX_RECEIVED_BYTES)
                .keepAliveTime(KEEPALIVE_INTERVAL_S, TimeUnit.SECONDS)
                .keepAliveTimeout(KEEPALIVE_TIMEOUT_S, TimeUnit.SECONDS)
                .keepAliveWithoutCalls(true)
                .build();
        Executor later = CompletableFuture.delayedExecutor(MAX_RECONNECT_BACKOFF_S, TimeUnit.SECONDS);
        new BackoffBound(channel, later).watch();
        return channel;
    }

    /** Returns the service config: gRPC proposals A6, client retries, and A24, load balancing. */
    static Map<String, ?> serviceConfig() {
        Map<String, ?> retryPolicy = Map.of(
                "maxAttempts",
                MAX_TRIES,
                "initialBackoff",
                "0.1s",
                "maxBackoff",
                "2s",
                "backoffMultiplier",
                2.0,
                "retryableStatusCodes",
                RETRIED_CODES);
        Map<String, ?> method = Map.of("name", List.of(Map.of("service", SERVICE)), "retryPolicy", retryPolicy);
        return Map.of(
                "loadBalancingConfig", List.of(Map.of("round_robin", Map.of())),
                "methodConfig", List.of(method),
                "retryThrottling", Map.of("maxTokens", THROTTLING_TOKENS, "tokenRatio", THROTTLING_RATIO));
    }
}
