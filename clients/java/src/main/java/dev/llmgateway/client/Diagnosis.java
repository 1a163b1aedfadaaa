package dev.llmgateway.client;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Tells why a gateway cannot be reached, by a look at its address of the client's own: the library's words for it are
 * many, change, and seldom say what to do.
 *
 * <p>One look is made at a time, and what it found holds for a second: in an outage thousands of calls fail at once.
 */
final class Diagnosis {
    private static final long SHARED_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_MS = 1_000;

    private final Optional<Address> address;
    private final boolean tls;
    private final LongSupplier nanoTime;
    private @Nullable Look last;

    Diagnosis(Optional<Address> address, boolean tls, LongSupplier nanoTime) {
        this.address = address;
        this.tls = tls;
        this.nanoTime = nanoTime;
    }

    /**
     * Looks, and returns what to say in the place of the library's words; nothing where these stand. It takes a second
     * at most, and never fails.
     */
    CompletableFuture<Optional<String>> look(String libraryWords) {
        return address.map(place -> see(() -> Glance.at(place))
                        .thenApply(seen -> Optional.ofNullable(message(place, seen, libraryWords))))
                .orElseGet(() -> CompletableFuture.completedFuture(Optional.empty()));
    }

    /** Returns what the running look sees, or what the last one saw if that is fresh, or else what a new one sees. */
    synchronized CompletableFuture<Glance> see(Supplier<Glance> glance) {
        if (last == null || last.isStale(nanoTime.getAsLong())) {
            last = new Look(glance, nanoTime);
        }
        return last.seen;
    }

    private @Nullable String message(Address place, Glance seen, String libraryWords) {
        return switch (seen) {
            case NO_SUCH_NAME -> place.host() + " is no known host name: correct the target.";
            case NOTHING ->
                "Nothing answers at " + place + ": start the gateway there (llmgateway serve), or correct the target.";
            case HTTP_1 ->
                place + " speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. "
                        + "Give its gRPC port (50051 unless configured otherwise).";
            case TLS ->
                tls
                        ? "The TLS handshake with " + place
                                + " failed: check that the root certificates sign the server's "
                                + "certificate, that the certificate names " + place.host()
                                + ", and that a client certificate is given if the server asks for one. ("
                                + libraryWords
                                + ")"
                        : place + " does not speak gRPC in plain text, so it may want TLS: connect with TLS.";
            case HTTP_2 ->
                tls ? place + " speaks plain text, not TLS: connect without TLS, or give the port that has it." : null;
            case UNCLEAR -> null;
        };
    }

    /** One look, on a thread of its own: a name server may take its time. */
    private static final class Look {
        private final CompletableFuture<Glance> seen = new CompletableFuture<>();
        private volatile @Nullable Long endNanos;

        Look(Supplier<Glance> glance, LongSupplier nanoTime) {
            Thread thread = new Thread(() -> run(glance, nanoTime), "llmgateway-look");
            thread.setDaemon(true);
            thread.start();
            seen.completeOnTimeout(Glance.UNCLEAR, LOOK_MS, TimeUnit.MILLISECONDS);
        }

        private void run(Supplier<Glance> glance, LongSupplier nanoTime) {
            Glance came = Glance.UNCLEAR;
            try {
                came = glance.get();
            } finally {
                endNanos = nanoTime.getAsLong();
                seen.complete(came);
            }
        }

        /** Returns whether it ended so long ago that it tells nothing of the present. */
        boolean isStale(long nowNanos) {
            Long ended = endNanos;
            return ended != null && nowNanos - ended > SHARED_NANOS;
        }
    }
}
