package dev.llmgateway.client;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Bounds the wait of a channel between two tries to connect. The library's own grows to two minutes and has no setting;
 * what it has is a way to end the present wait.
 */
final class BackoffBound {
    private final ManagedChannel channel;
    private final Executor later;
    private final AtomicBoolean waiting = new AtomicBoolean();

    /** Bounds it to the time after which {@code later} runs what it is given. */
    BackoffBound(ManagedChannel channel, Executor later) {
        this.channel = channel;
        this.later = later;
    }

    /** Follows the channel until it is shut down. */
    void watch() {
        ConnectivityState state = channel.getState(false);
        if (state == ConnectivityState.SHUTDOWN) {
            return;
        }
        endWaitLater(state);
        channel.notifyWhenStateChanged(state, this::watch);
    }

    private void endWaitLater(ConnectivityState state) {
        if (state == ConnectivityState.TRANSIENT_FAILURE && waiting.compareAndSet(false, true)) {
            later.execute(this::endWait);
        }
    }

    private void endWait() {
        waiting.set(false);
        ConnectivityState state = channel.getState(false);
        if (state == ConnectivityState.TRANSIENT_FAILURE) {
            channel.resetConnectBackoff();
            endWaitLater(state);
        }
    }
}
