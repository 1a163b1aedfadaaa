package dev.llmgateway.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * One call that is read by waiting for its messages; cancelled when it is closed or let go of.
 *
 * <p>gRPC's own blocking calls lack one thing or another: the iterator cannot be cancelled, and its successor, which is
 * experimental, does not tell whether an answer has begun, and hands out what it holds after a cancel.
 *
 * @param <M> the messages of the answer
 */
final class RunningCall<M> implements AutoCloseable {
    // Enough for one to be decoded while another is used; the caller's pace bounds the rest.
    private static final int MESSAGES_AHEAD = 2;
    private static final Cleaner DROPPED = Cleaner.create();

    private final ClientCall<?, M> call;
    private final Arrivals<M> arrivals;
    private final Cleaner.Cleanable cancellation;
    private volatile boolean closed;
    private @Nullable Arrival<M> end;

    /** What came: a message, or else the end. */
    private record Arrival<M>(@Nullable M message, Status status, Metadata trailers) {}

    private RunningCall(ClientCall<?, M> call, Arrivals<M> arrivals) {
        this.call = call;
        this.arrivals = arrivals;
        // What is registered must not know this object: it would never be dropped.
        this.cancellation = DROPPED.register(this, () -> call.cancel("The caller has left.", null));
    }

    /** Begins a call. */
    static <R, M> RunningCall<M> start(Channel channel, MethodDescriptor<R, M> method, CallOptions options, R request) {
        ClientCall<R, M> call = channel.newCall(method, options);
        Arrivals<M> arrivals = new Arrivals<>();
        RunningCall<M> running = new RunningCall<>(call, arrivals);
        call.start(arrivals, new Metadata());
        call.request(MESSAGES_AHEAD);
        call.sendMessage(request);
        call.halfClose();
        return running;
    }

    /**
     * Waits for the next message and returns it, null at the end of a call that succeeded.
     *
     * @throws StatusRuntimeException if the call failed
     * @throws GatewayException if the thread is interrupted: the call is cancelled then, the thread stays interrupted
     */
    @Nullable
    M read() {
        try {
            Arrival<M> arrival = end != null ? end : arrivals.queue.take();
            if (arrival.message() != null) {
                call.request(1);
                return arrival.message();
            }
            end = arrival;
            if (!arrival.status().isOk()) {
                throw arrival.status().asRuntimeException(arrival.trailers());
            }
            return null;
        } catch (InterruptedException interrupted) {
            close();
            Thread.currentThread().interrupt();
            throw GatewayException.interrupted(interrupted);
        } finally {
            // Whoever waits here still wants the call.
            Reference.reachabilityFence(this);
        }
    }

    /** Returns whether anything of an answer has come, be it only that there will be one. */
    boolean isAnswered() {
        return arrivals.answered;
    }

    /** Returns whether the call was closed, rather than ended. */
    boolean isClosed() {
        return closed;
    }

    /** Cancels the call unless it has ended. Any thread may do so; one that waits for a message is woken. */
    @Override
    public void close() {
        closed = true;
        cancellation.clean();
    }

    /** What has come and was not read yet. */
    private static final class Arrivals<M> extends ClientCall.Listener<M> {
        private final BlockingQueue<Arrival<M>> queue = new LinkedBlockingQueue<>();
        private volatile boolean answered;

        @Override
        public void onHeaders(Metadata headers) {
            answered = true;
        }

        @Override
        public void onMessage(M message) {
            queue.add(new Arrival<>(message, Status.OK, new Metadata()));
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            queue.add(new Arrival<>(null, status, trailers));
        }
    }
}
