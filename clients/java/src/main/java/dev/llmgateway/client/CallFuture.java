package dev.llmgateway.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The answer of a call that nobody waits for. Cancelling it cancels the call.
 *
 * @param <M> the answer's message
 */
final class CallFuture<M> extends CompletableFuture<M> {
    private final ClientCall<?, M> call;

    private CallFuture(ClientCall<?, M> call) {
        this.call = call;
    }

    /** Begins a call. */
    static <R, M> CallFuture<M> start(
            Channel channel, MethodDescriptor<R, M> method, CallOptions options, R request, Failures failures) {
        ClientCall<R, M> call = channel.newCall(method, options);
        CallFuture<M> future = new CallFuture<>(call);
        call.start(new Listener<>(future, failures), new Metadata());
        // One more than there is, so that a second message would be noticed.
        call.request(2);
        call.sendMessage(request);
        call.halfClose();
        return future;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        if (cancelled) {
            call.cancel("The caller has left.", null);
        }
        return cancelled;
    }

    /** Completes the future with what comes. */
    private static final class Listener<M> extends ClientCall.Listener<M> {
        private final CallFuture<M> future;
        private final Failures failures;
        private boolean answered;
        private @Nullable M message;

        Listener(CallFuture<M> future, Failures failures) {
            this.future = future;
            this.failures = failures;
        }

        @Override
        public void onHeaders(Metadata headers) {
            answered = true;
        }

        @Override
        public void onMessage(M came) {
            message = came;
        }

        @Override
        // A look never fails, and tells the one future that anybody waits for.
        @SuppressWarnings("FutureReturnValueIgnored")
        public void onClose(Status status, Metadata trailers) {
            if (status.isOk() && message != null) {
                future.complete(message);
                return;
            }
            Status failed = status.isOk() ? Gateway.NO_ANSWER : status;
            failures.readLater(failed.asRuntimeException(trailers), answered).thenAccept(future::completeExceptionally);
        }
    }
}
