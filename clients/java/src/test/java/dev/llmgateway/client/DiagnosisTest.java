package dev.llmgateway.client;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class DiagnosisTest {
    private static final String SETTINGS = "\0\0\0\4\0\0\0\0\0";
    private static final String ALERT = "\25\3\1\0\2\2\106";

    /** A server on loopback that answers whoever connects with the same bytes, and hangs up. */
    private static final class Talker implements AutoCloseable {
        private final ServerSocket server;

        Talker(String bytes) throws IOException {
            server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
            Thread thread = new Thread(() -> serve(bytes.getBytes(ISO_8859_1)));
            thread.setDaemon(true);
            thread.start();
        }

        private void serve(byte[] bytes) {
            while (!server.isClosed()) {
                try (Socket socket = server.accept()) {
                    socket.getInputStream().readNBytes(1);
                    socket.getOutputStream().write(bytes);
                } catch (IOException left) {
                    // Either the test is over, or a caller did not wait for the answer.
                }
            }
        }

        int port() {
            return server.getLocalPort();
        }

        @Override
        public void close() throws IOException {
            server.close();
        }
    }

    static Stream<Arguments> servers() {
        return Stream.of(
                arguments(
                        "HTTP/1.1 400 Bad Request\r\n\r\n",
                        false,
                        "127.0.0.1:%d speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. "
                                + "Give its gRPC port (50051 unless configured otherwise)."),
                arguments(
                        "HTTP/1.1 400 Bad Request\r\n\r\n",
                        true,
                        "127.0.0.1:%d speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. "
                                + "Give its gRPC port (50051 unless configured otherwise)."),
                arguments(
                        "",
                        false,
                        "127.0.0.1:%d does not speak gRPC in plain text, so it may want TLS: connect with TLS."),
                arguments(
                        ALERT,
                        false,
                        "127.0.0.1:%d does not speak gRPC in plain text, so it may want TLS: connect with TLS."),
                arguments(
                        ALERT,
                        true,
                        "The TLS handshake with 127.0.0.1:%d failed: check that the root certificates sign the server's "
                                + "certificate, that the certificate names 127.0.0.1, and that a client certificate is "
                                + "given if the server asks for one. (words)"),
                arguments(
                        SETTINGS,
                        true,
                        "127.0.0.1:%d speaks plain text, not TLS: connect without TLS, or give the port that has it."),
                arguments(SETTINGS, false, null),
                arguments("SSH-2.0-OpenSSH\r\n", false, null),
                arguments("SSH-2.0-OpenSSH\r\n", true, null));
    }

    @ParameterizedTest
    @MethodSource("servers")
    void whatAServerSaysTellsWhatToDo(String bytes, boolean tls, String expected) throws IOException {
        try (Talker talker = new Talker(bytes)) {
            Optional<String> message = look("127.0.0.1:" + talker.port(), tls);
            assertEquals(Optional.ofNullable(expected).map(text -> text.formatted(talker.port())), message);
        }
    }

    @Test
    void aPortThatNobodyServesIsNamed() throws IOException {
        int port = freePort();
        assertEquals(
                Optional.of("Nothing answers at 127.0.0.1:" + port
                        + ": start the gateway there (llmgateway serve), or correct the target."),
                look("dns:///127.0.0.1:" + port, false));
    }

    @Test
    void aNameThatNobodyKnowsIsNamed() {
        // With an empty label, so that no name server needs to be asked.
        assertEquals(
                Optional.of("gateway..invalid is no known host name: correct the target."),
                look("gateway..invalid:50051", false));
    }

    @Test
    void targetsOfOtherKindsAreNotLookedAt() {
        assertEquals(Optional.empty(), look("unix:/run/gateway.sock", false));
    }

    @Test
    void callersShareOneLookAndWhatItSawForASecond() {
        AtomicLong nowNanos = new AtomicLong();
        AtomicInteger looks = new AtomicInteger();
        CountDownLatch seen = new CountDownLatch(1);
        Diagnosis diagnosis = new Diagnosis(Optional.empty(), false, nowNanos::get);
        CompletableFuture<Glance> first = diagnosis.see(() -> {
            looks.incrementAndGet();
            awaitQuietly(seen);
            return Glance.NOTHING;
        });
        nowNanos.set(5_000_000_000L);
        assertSame(first, diagnosis.see(() -> Glance.TLS), "one that runs is shared, however long it takes");
        seen.countDown();
        assertEquals(Glance.NOTHING, first.join());
        nowNanos.set(6_000_000_000L);
        assertSame(first, diagnosis.see(() -> Glance.TLS));
        nowNanos.set(6_000_000_001L);
        CompletableFuture<Glance> second = diagnosis.see(() -> Glance.TLS);
        assertNotEquals(first, second);
        assertEquals(Glance.TLS, second.join());
        assertEquals(1, looks.get());
    }

    @Test
    void aLookThatTakesTooLongTellsNothing() {
        CountDownLatch never = new CountDownLatch(1);
        Diagnosis diagnosis = new Diagnosis(Optional.empty(), false, System::nanoTime);
        CompletableFuture<Glance> seen = diagnosis.see(() -> {
            awaitQuietly(never);
            return Glance.NOTHING;
        });
        assertEquals(Glance.UNCLEAR, seen.join());
        never.countDown();
    }

    @Test
    void aCallThatReachesNobodySaysSo() throws IOException {
        int port = freePort();
        try (GatewayClient client =
                GatewayClient.builder().target("127.0.0.1:" + port).build()) {
            String expected = "Nothing answers at 127.0.0.1:" + port
                    + ": start the gateway there (llmgateway serve), or correct the target. [UNAVAILABLE]";
            GatewayException error = assertThrows(GatewayException.class, () -> client.model("m"));
            assertEquals(ErrorKind.UNAVAILABLE, error.kind());
            assertEquals(expected, error.getMessage());
            CompletionException later =
                    assertThrows(CompletionException.class, client.generateAsync(Prompt.of("Hi"))::join);
            assertTrue(String.valueOf(later.getMessage()).endsWith(expected), later.getMessage());
            try (GenerationStream stream = client.stream(Prompt.of("Hi"))) {
                error = assertThrows(GatewayException.class, stream::collect);
                assertEquals(expected, error.getMessage());
            }
        }
    }

    @Test
    void whateverTheLibraryCallsItIsUnavailableOnceItIsExplained() throws IOException {
        try (Talker talker = new Talker("HTTP/1.1 400 Bad Request\r\n\r\n")) {
            Failures failures = failures(talker.port());
            GatewayException error =
                    failures.read(Status.INTERNAL.withDescription("words").asRuntimeException(), false, false);
            assertEquals(ErrorKind.UNAVAILABLE, error.kind());
            assertEquals(Status.Code.INTERNAL, error.code());
            assertTrue(error.getMessage() != null && error.getMessage().contains("speaks HTTP/1.1"));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatTheGatewaySaidItselfStands(boolean answered) throws IOException {
        try (Talker talker = new Talker("HTTP/1.1 400 Bad Request\r\n\r\n")) {
            Metadata trailers = new Metadata();
            if (!answered) {
                trailers.put(FailureReader.CALL_ID_KEY, "call_1");
            }
            Status status = Status.UNAVAILABLE.withDescription("words");
            GatewayException error = failures(talker.port()).read(status.asRuntimeException(trailers), false, answered);
            assertEquals("words", error.plainMessage());
        }
    }

    @Test
    void otherCodesStand() throws IOException {
        try (Talker talker = new Talker("HTTP/1.1 400 Bad Request\r\n\r\n")) {
            Status status = Status.DEADLINE_EXCEEDED.withDescription("words");
            assertEquals(
                    "words",
                    failures(talker.port())
                            .read(status.asRuntimeException(), false, false)
                            .plainMessage());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gateway:50051, gateway:50051",
        "127.0.0.1:1, 127.0.0.1:1",
        "[::1]:50051, [::1]:50051",
        "dns:gateway:50051, gateway:50051",
        "dns:///gateway:50051, gateway:50051",
        "dns://8.8.8.8/gateway:50051, gateway:50051",
        "dns:///[::1]:50051, [::1]:50051",
        "gateway, gateway:80",
        "gateway:65536,",
        "unix:///run/gateway.sock,",
        "xds:///gateway,",
        "http://gateway:50051,"
    })
    void theAddressOfATarget(String target, String expected) {
        assertEquals(Optional.ofNullable(expected), Address.of(target, false).map(Address::toString));
    }

    @Test
    void aTargetWithoutAPortHasThatOfHttps() {
        assertEquals(Optional.of(new Address("gateway", 443)), Address.of("dns:///gateway", true));
    }

    private static Failures failures(int port) {
        return new Failures(new Diagnosis(Optional.of(new Address("127.0.0.1", port)), false, System::nanoTime));
    }

    private static Optional<String> look(String target, boolean tls) {
        return new Diagnosis(Address.of(target, tls), tls, System::nanoTime)
                .look("words")
                .join();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
