package dev.llmgateway.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Private keys in PEM as TLS for Java reads them: PKCS #8 only, while tools write RSA keys by PKCS #1 (RFC 8017,
 * appendix A.1.2) and those of elliptic curves by SEC 1 (RFC 5915) as well.
 */
final class PrivateKeyPem {
    private static final Pattern OLDER = Pattern.compile(
            "-----BEGIN (?<kind>RSA|EC) PRIVATE KEY-----(?<base64>[A-Za-z0-9+/=\\s]+)-----END \\k<kind> PRIVATE KEY-----");

    private static final int INTEGER = 0x02;
    private static final int OCTET_STRING = 0x04;
    private static final int SEQUENCE = 0x30;
    private static final int CURVE = 0xa0;
    private static final int LONG_FORM = 0x80;
    private static final int MAX_BYTE = 0xff;
    private static final byte[] VERSION = {0};
    // The object identifiers 1.2.840.113549.1.1.1 with the parameters that it has, none, and 1.2.840.10045.2.1.
    private static final byte[] RSA = {
        0x06, 0x09, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 0x0d, 1, 1, 1, 5, 0
    };
    private static final byte[] ELLIPTIC_CURVE = {0x06, 0x07, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 2, 1};

    private PrivateKeyPem() {}

    /**
     * Returns a key in PKCS #8; what is none of the two older kinds as it is.
     *
     * @throws IllegalArgumentException for one of these that cannot be read
     */
    static byte[] toPkcs8(byte[] pem) {
        Matcher older = OLDER.matcher(new String(pem, US_ASCII));
        if (!older.find()) {
            return pem;
        }
        byte[] key = Base64.getMimeDecoder().decode(older.group("base64"));
        byte[] algorithm = older.group("kind").equals("RSA") ? RSA : join(ELLIPTIC_CURVE, curveOf(key));
        byte[] pkcs8 = encode(
                SEQUENCE, join(encode(INTEGER, VERSION), encode(SEQUENCE, algorithm), encode(OCTET_STRING, key)));
        String base64 = Base64.getMimeEncoder().encodeToString(pkcs8);
        return ("-----BEGIN PRIVATE KEY-----\n" + base64 + "\n-----END PRIVATE KEY-----\n").getBytes(US_ASCII);
    }

    /** Returns the curve that a key names. */
    private static byte[] curveOf(byte[] key) {
        try {
            ByteBuffer members = next(ByteBuffer.wrap(key), SEQUENCE);
            next(members, INTEGER);
            next(members, OCTET_STRING);
            ByteBuffer curve = next(members, CURVE);
            byte[] bytes = new byte[curve.remaining()];
            curve.get(bytes);
            return bytes;
        } catch (BufferUnderflowException cut) {
            throw unreadable(cut);
        }
    }

    /** Returns the content of the next value, which must have a tag. */
    private static ByteBuffer next(ByteBuffer from, int tag) {
        if (Byte.toUnsignedInt(from.get()) != tag) {
            throw unreadable(null);
        }
        int length = Byte.toUnsignedInt(from.get());
        if (length >= LONG_FORM) {
            int byteCount = length - LONG_FORM;
            length = 0;
            for (int index = 0; index < byteCount; index++) {
                length = length << Byte.SIZE | Byte.toUnsignedInt(from.get());
            }
        }
        if (length < 0 || length > from.remaining()) {
            throw unreadable(null);
        }
        ByteBuffer content = from.slice(from.position(), length);
        from.position(from.position() + length);
        return content;
    }

    private static byte[] encode(int tag, byte[] content) {
        ByteArrayOutputStream encoded = new ByteArrayOutputStream();
        encoded.write(tag);
        // DER wants the shortest form; two bytes tell the length of any key.
        if (content.length > MAX_BYTE) {
            encoded.write(LONG_FORM + 2);
            encoded.write(content.length >> Byte.SIZE);
        } else if (content.length >= LONG_FORM) {
            encoded.write(LONG_FORM + 1);
        }
        encoded.write(content.length);
        encoded.writeBytes(content);
        return encoded.toByteArray();
    }

    private static byte[] join(byte[]... pieces) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] piece : pieces) {
            joined.writeBytes(piece);
        }
        return joined.toByteArray();
    }

    private static IllegalArgumentException unreadable(@Nullable Throwable cause) {
        return new IllegalArgumentException("The client's key cannot be read, or names no curve.", cause);
    }
}
