package dev.llmgateway.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** What a server says to the first bytes of HTTP/2 in plain text. */
enum Glance {
    /** The host has no address. */
    NO_SUCH_NAME,
    /** No address of it takes a connection. */
    NOTHING,
    /** It answers in HTTP/1. */
    HTTP_1,
    /** It answers with a TLS alert, or hangs up without a word, as servers do that wait for TLS. */
    TLS,
    /** It answers in HTTP/2. */
    HTTP_2,
    /** It answers something else, or too late. */
    UNCLEAR;

    // A little less than a look may take as a whole.
    private static final long TIME_MS = 900;
    // RFC 9113, section 3.4: the preface, then a SETTINGS frame, which may be empty.
    private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0".getBytes(US_ASCII);
    private static final int FRAME_HEADER_BYTES = 9;
    private static final int FRAME_TYPE_INDEX = 3;
    private static final byte SETTINGS = 4;
    private static final byte[] TLS_ALERT = {0x15, 0x03};
    private static final byte[] HTTP_1_STATUS = "HTTP/1".getBytes(US_ASCII);

    /** Connects and looks. It takes a second at most, but for a name server that does not answer. */
    static Glance at(Address address) {
        long endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(TIME_MS);
        InetAddress[] found;
        try {
            found = InetAddress.getAllByName(address.host());
        } catch (UnknownHostException unknown) {
            return NO_SUCH_NAME;
        }
        for (InetAddress one : found) {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(one, address.port()), leftMs(endNanos));
                return converse(socket, endNanos);
            } catch (IOException refused) {
                // The next address may answer.
            }
        }
        return NOTHING;
    }

    private static Glance converse(Socket socket, long endNanos) {
        try {
            socket.getOutputStream().write(PREFACE);
            return of(firstBytes(socket, endNanos));
        } catch (SocketTimeoutException silent) {
            return UNCLEAR;
        } catch (IOException hungUp) {
            return TLS;
        }
    }

    /** Returns what came: a frame's header, or less before the server hung up. */
    private static byte[] firstBytes(Socket socket, long endNanos) throws IOException {
        ByteArrayOutputStream came = new ByteArrayOutputStream();
        InputStream input = socket.getInputStream();
        while (came.size() < FRAME_HEADER_BYTES) {
            socket.setSoTimeout(leftMs(endNanos));
            int next = input.read();
            if (next < 0) {
                break;
            }
            came.write(next);
        }
        return came.toByteArray();
    }

    /** Tells what the first bytes mean. */
    static Glance of(byte[] bytes) {
        if (bytes.length == 0 || startsWith(bytes, TLS_ALERT)) {
            return TLS;
        }
        if (startsWith(bytes, HTTP_1_STATUS)) {
            return HTTP_1;
        }
        boolean isSettings = bytes.length == FRAME_HEADER_BYTES && bytes[FRAME_TYPE_INDEX] == SETTINGS;
        return isSettings ? HTTP_2 : UNCLEAR;
    }

    private static boolean startsWith(byte[] bytes, byte[] start) {
        return bytes.length >= start.length && Arrays.equals(bytes, 0, start.length, start, 0, start.length);
    }

    /** Returns what is left of the time: at least 1, since 0 is no bound to a socket. */
    private static int leftMs(long endNanos) {
        return (int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime()));
    }
}
