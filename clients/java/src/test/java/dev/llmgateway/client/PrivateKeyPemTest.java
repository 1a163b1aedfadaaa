package dev.llmgateway.client;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrivateKeyPemTest {
    // Where Java's own PKCS #8 encoding of a key begins with the older one.
    private static final int RSA_OFFSET = 26;

    @Test
    void aKeyOfPkcs1IsReadable() throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        PrivateKey key = generator.generateKeyPair().getPrivate();
        byte[] older = Arrays.copyOfRange(key.getEncoded(), RSA_OFFSET, key.getEncoded().length);
        assertEquals(key, read("RSA", PrivateKeyPem.toPkcs8(pem("RSA PRIVATE KEY", older))));
    }

    @ParameterizedTest
    @CsvSource({
        "secp256r1, 06082a8648ce3d030107, 0",
        "secp256r1, 06082a8648ce3d030107, 65",
        "secp384r1, 06052b81040022, 97",
        "secp521r1, 06052b81040023, 133"
    })
    void aKeyOfSec1IsReadable(String curve, String identifier, int publicByteCount) throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec(curve));
        PrivateKey key = generator.generateKeyPair().getPrivate();
        byte[] parameters =
                "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n".getBytes(US_ASCII);
        byte[] older = pem("EC PRIVATE KEY", withCurve(key.getEncoded(), identifier, publicByteCount));
        ECPrivateKey expected = assertInstanceOf(ECPrivateKey.class, key);
        ECPrivateKey read =
                assertInstanceOf(ECPrivateKey.class, read("EC", PrivateKeyPem.toPkcs8(join(parameters, older))));
        assertEquals(expected.getS(), read.getS());
        assertEquals(expected.getParams().getCurve(), read.getParams().getCurve());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "no key", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"})
    void whatIsOfNoOlderKindStaysAsItIs(String pem) {
        assertArrayEquals(pem.getBytes(US_ASCII), PrivateKeyPem.toPkcs8(pem.getBytes(US_ASCII)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"MAA=", "MAMCAQE=", "MIT/////", "MIQA", "AgEB", "MAgCAQEEAwECAw=="})
    void aKeyWithoutACurveIsRefused(String base64) {
        byte[] pem = pem("EC PRIVATE KEY", Base64.getDecoder().decode(base64));
        assertThrows(IllegalArgumentException.class, () -> PrivateKeyPem.toPkcs8(pem));
    }

    /** Returns the older encoding with what Java leaves out: the curve and, if it has any bytes, a public key. */
    private static byte[] withCurve(byte[] pkcs8, String identifier, int publicByteCount) {
        // It lies at the end: SEQUENCE { INTEGER 1, OCTET STRING key }.
        int start = indexOf(pkcs8, new byte[] {0x02, 0x01, 0x01, 0x04});
        byte[] members = join(
                Arrays.copyOfRange(pkcs8, start, pkcs8.length),
                encode(0xa0, HexFormat.of().parseHex(identifier)),
                publicByteCount == 0 ? new byte[0] : encode(0xa1, encode(0x03, new byte[publicByteCount + 1])));
        return encode(0x30, members);
    }

    private static byte[] encode(int tag, byte[] content) {
        int length = content.length;
        return join(
                length < 128 ? new byte[] {(byte) tag, (byte) length} : new byte[] {(byte) tag, -127, (byte) length},
                content);
    }

    private static int indexOf(byte[] bytes, byte[] wanted) {
        for (int index = 0; index + wanted.length <= bytes.length; index++) {
            if (Arrays.equals(bytes, index, index + wanted.length, wanted, 0, wanted.length)) {
                return index;
            }
        }
        throw new AssertionError("not found");
    }

    private static PrivateKey read(String algorithm, byte[] pem) throws GeneralSecurityException {
        String base64 = new String(pem, US_ASCII).replaceAll("-----[A-Z ]+-----", "");
        byte[] pkcs8 = Base64.getMimeDecoder().decode(base64);
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
    }

    private static byte[] pem(String kind, byte[] der) {
        String base64 = Base64.getMimeEncoder().encodeToString(der);
        return ("-----BEGIN " + kind + "-----\n" + base64 + "\n-----END " + kind + "-----\n").getBytes(US_ASCII);
    }

    private static byte[] join(byte[]... pieces) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] piece : pieces) {
            joined.writeBytes(piece);
        }
        return joined.toByteArray();
    }
}
