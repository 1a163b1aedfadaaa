package dev.llmgateway.client;

import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptors;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Calls a gateway. Safe for any number of threads: one for each program is enough.
 *
 * <pre>{@code
 * try (GatewayClient client = GatewayClient.builder().key("…").build()) {
 *     GenerateResponse answer = client.generate(Prompt.of("Hello").model("mock/echo"));
 *     System.out.println(Answers.text(answer));
 * }
 * }</pre>
 *
 * <p>It connects with the first call.
 */
public final class GatewayClient extends Gateway implements AutoCloseable {
    private final LeastBusyChannel channel;

    private GatewayClient(LeastBusyChannel channel, Channel authorized, Failures failures, @Nullable Duration timeout) {
        super(authorized, failures, timeout);
        this.channel = channel;
    }

    /** Returns a builder of a client, whose settings all have a default. */
    public static Builder builder() {
        return new Builder();
    }

    /** Closes the connections; running calls are cancelled, also those of {@link #withTimeout}. */
    @Override
    public void close() {
        channel.shutdownNow();
    }

    /** The settings of a client. */
    public static final class Builder {
        private static final Metadata.Key<String> AUTHORIZATION =
                Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

        private String target = "127.0.0.1:50051";
        private @Nullable String key;
        private boolean tls;
        private byte @Nullable [] rootCertificates;
        private byte @Nullable [] clientCertificate;
        private byte @Nullable [] clientKey;
        private @Nullable Duration timeout = Duration.ofMinutes(10);
        private int channels = 4;

        private Builder() {}

        /**
         * Sets where the gateway is: {@code host:port}, or a gRPC name such as {@code dns:///gateway:50051}. Several
         * addresses behind one name are used in turn. {@code 127.0.0.1:50051} unless set.
         */
        public Builder target(String name) {
            target = name;
            return this;
        }

        /**
         * Sets the key, which travels with every call, in plain text where there is no TLS. None unless set, or if it
         * is null.
         *
         * @throws IllegalArgumentException for a key that cannot be sent
         */
        public Builder key(@Nullable String secret) {
            if (secret != null && (secret.isEmpty() || !secret.chars().allMatch(Builder::isPrintable))) {
                throw new IllegalArgumentException(
                        "The key must be printable ASCII without spaces. Was it copied with a line break?");
            }
            key = secret;
            return this;
        }

        /** Asks for TLS. Without {@link #rootCertificates} those of the Java runtime are trusted. */
        public Builder tls() {
            tls = true;
            return this;
        }

        /** Asks for TLS, and trusts these certificates only, in PEM. */
        public Builder rootCertificates(byte[] pem) {
            rootCertificates = pem.clone();
            return tls();
        }

        /** Asks for TLS with a certificate of the client's own (mTLS): its chain and its key, both in PEM. */
        public Builder clientCertificate(byte[] chainPem, byte[] keyPem) {
            clientCertificate = chainPem.clone();
            clientKey = PrivateKeyPem.toPkcs8(keyPem.clone());
            return tls();
        }

        /** Sets the time-out of each call, retries and waits included. 600 s unless set. */
        public Builder timeout(Duration bound) {
            timeout = bound;
            return this;
        }

        /** Leaves the time of a call to the gateway. */
        public Builder withoutTimeout() {
            timeout = null;
            return this;
        }

        /**
         * Sets how many connections to each address may be opened as calls run at once: one HTTP/2 connection sticks to
         * one server process, which bounds the calls on it. 4 unless set.
         */
        public Builder channels(int count) {
            if (count < 1) {
                throw new IllegalArgumentException("channels must be at least 1, not " + count);
            }
            channels = count;
            return this;
        }

        /**
         * Returns the client.
         *
         * @throws IllegalArgumentException for certificates or a key that cannot be read
         */
        public GatewayClient build() {
            LeastBusyChannel channel = Channels.open(target, credentials(), channels);
            Failures failures = new Failures(new Diagnosis(Address.of(target, tls), tls, System::nanoTime));
            return new GatewayClient(channel, authorized(channel), failures, timeout);
        }

        private static boolean isPrintable(int letter) {
            return letter > ' ' && letter <= '~';
        }

        private Channel authorized(Channel channel) {
            if (key == null) {
                return channel;
            }
            Metadata headers = new Metadata();
            headers.put(AUTHORIZATION, "Bearer " + key);
            return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
        }

        private ChannelCredentials credentials() {
            if (!tls) {
                return InsecureChannelCredentials.create();
            }
            TlsChannelCredentials.Builder credentials = TlsChannelCredentials.newBuilder();
            try {
                if (rootCertificates != null) {
                    credentials.trustManager(new ByteArrayInputStream(rootCertificates));
                }
                if (clientCertificate != null && clientKey != null) {
                    credentials.keyManager(
                            new ByteArrayInputStream(clientCertificate), new ByteArrayInputStream(clientKey));
                }
            } catch (IOException unreadable) {
                throw new IllegalArgumentException("The certificates cannot be read: give them in PEM.", unreadable);
            }
            return credentials.build();
        }
    }
}
