package dev.llmgateway.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * One channel made of several, each with connections of its own: a call goes to the one with the fewest running, of
 * equals to the first.
 *
 * <p>One HTTP/2 connection sticks to one server process, which bounds the calls on it. A caller that makes one call at
 * a time uses one connection; the others are opened as calls run at once.
 */
final class LeastBusyChannel extends Channel {
    private final List<Lane> lanes;

    LeastBusyChannel(List<ManagedChannel> channels) {
        lanes = channels.stream().map(Lane::new).toList();
    }

    @Override
    public <R, M> ClientCall<R, M> newCall(MethodDescriptor<R, M> method, CallOptions options) {
        Lane lane = take();
        return new CountedCall<>(lane.channel.newCall(method, options), () -> release(lane));
    }

    @Override
    public String authority() {
        return lanes.get(0).channel.authority();
    }

    /** Closes every member; running calls are cancelled. */
    void shutdownNow() {
        lanes.forEach(lane -> lane.channel.shutdownNow());
    }

    private synchronized Lane take() {
        Lane idlest = lanes.get(0);
        for (Lane lane : lanes) {
            idlest = lane.running < idlest.running ? lane : idlest;
        }
        idlest.running++;
        return idlest;
    }

    private synchronized void release(Lane lane) {
        lane.running--;
    }

    /** One of the channels, and how many calls run on it. */
    private static final class Lane {
        private final ManagedChannel channel;
        private int running;

        Lane(ManagedChannel channel) {
            this.channel = channel;
        }
    }

    /** A call that tells once when it is over. */
    private static final class CountedCall<R, M> extends SimpleForwardingClientCall<R, M> {
        private final Runnable release;
        private final AtomicBoolean released = new AtomicBoolean();

        CountedCall(ClientCall<R, M> call, Runnable release) {
            super(call);
            this.release = release;
        }

        @Override
        public void start(Listener<M> listener, Metadata headers) {
            try {
                super.start(new CountedListener<>(listener, this::releaseOnce), headers);
            } catch (RuntimeException failed) {
                releaseOnce();
                throw failed;
            }
        }

        @Override
        public void cancel(@Nullable String message, @Nullable Throwable cause) {
            super.cancel(message, cause);
            // One that never began tells no listener of its end.
            releaseOnce();
        }

        private void releaseOnce() {
            if (released.compareAndSet(false, true)) {
                release.run();
            }
        }
    }

    /** A listener that tells of the end. */
    private static final class CountedListener<M> extends SimpleForwardingClientCallListener<M> {
        private final Runnable release;

        CountedListener(ClientCall.Listener<M> listener, Runnable release) {
            super(listener);
            this.release = release;
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            release.run();
            super.onClose(status, trailers);
        }
    }
}
