package dev.llmgateway.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BackoffBoundTest {
    private final Queue<Runnable> later = new ArrayDeque<>();
    private final StatefulChannel channel = new StatefulChannel();

    BackoffBoundTest() {
        new BackoffBound(channel, later::add).watch();
    }

    @Test
    void theWaitOfAChannelThatFailsIsEndedAgainAndAgain() {
        channel.become(ConnectivityState.CONNECTING);
        assertEquals(0, later.size());
        channel.become(ConnectivityState.TRANSIENT_FAILURE);
        for (int count = 1; count <= 3; count++) {
            later.remove().run();
            assertEquals(count, channel.ended);
        }
    }

    @Test
    void aChannelThatConnectsIsLeftAlone() {
        channel.become(ConnectivityState.TRANSIENT_FAILURE);
        channel.become(ConnectivityState.READY);
        later.remove().run();
        assertEquals(0, channel.ended);
        assertEquals(0, later.size());
    }

    @Test
    void oneThatFailsTwiceWaitsOnce() {
        channel.become(ConnectivityState.TRANSIENT_FAILURE);
        channel.become(ConnectivityState.READY);
        channel.become(ConnectivityState.TRANSIENT_FAILURE);
        assertEquals(1, later.size());
    }

    @Test
    void oneThatIsShutDownIsNotFollowed() {
        channel.become(ConnectivityState.SHUTDOWN);
        assertEquals(null, channel.follower);
    }

    /** A channel that is in the state that a test puts it in. */
    private static final class StatefulChannel extends ManagedChannel {
        private ConnectivityState state = ConnectivityState.IDLE;
        private @Nullable Runnable follower;
        private int ended;

        void become(ConnectivityState next) {
            state = next;
            Runnable told = follower;
            follower = null;
            if (told != null) {
                told.run();
            }
        }

        @Override
        public ConnectivityState getState(boolean requestConnection) {
            return state;
        }

        @Override
        public void notifyWhenStateChanged(ConnectivityState source, Runnable callback) {
            follower = callback;
        }

        @Override
        public void resetConnectBackoff() {
            ended++;
        }

        @Override
        public ManagedChannel shutdown() {
            throw new UnsupportedOperationException();
        }

        @Override
        public ManagedChannel shutdownNow() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean isShutdown() {
            return state == ConnectivityState.SHUTDOWN;
        }

        @Override
        public boolean isTerminated() {
            return isShutdown();
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) {
            return isTerminated();
        }

        @Override
        public <R, M> ClientCall<R, M> newCall(MethodDescriptor<R, M> method, CallOptions options) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String authority() {
            return "gateway";
        }
    }
}
