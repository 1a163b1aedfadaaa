package dev.llmgateway.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import dev.llmgateway.v1.CallFailure;
import dev.llmgateway.v1.CompareFailure;
import dev.llmgateway.v1.ErrorReason;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class GatewayExceptionTest {
    private static final CallFailure FAILURE = Protos.message("""
            call_id: "call_1" provider_message: "Slow down."
            attempts { provider: "p" http_status: 429 } usage { input_token_count: 3 }
            quota_violations { scope: "key/ci" metric: "tokens" }
            """, CallFailure.getDefaultInstance());

    @Test
    void allThatTheGatewaySaysIsThere() {
        GatewayException error = GatewayException.from(failed(
                Status.Code.RESOURCE_EXHAUSTED,
                info("ERROR_REASON_PROVIDER_RATE_LIMITED"),
                FAILURE,
                Protos.message("retry_delay { seconds: 1 nanos: 500000000 }", RetryInfo.getDefaultInstance()),
                Protos.message(
                        "field_violations { field: 'model' description: 'Name one.' }",
                        BadRequest.getDefaultInstance()),
                Protos.message("violations { subject: 's' }", QuotaFailure.getDefaultInstance())));
        assertEquals(ErrorKind.RATE_LIMITED, error.kind());
        assertEquals(Status.Code.RESOURCE_EXHAUSTED, error.code());
        assertEquals(ErrorReason.ERROR_REASON_PROVIDER_RATE_LIMITED, error.reason());
        assertEquals("ERROR_REASON_PROVIDER_RATE_LIMITED", error.reasonName());
        assertEquals("It failed.", error.plainMessage());
        assertEquals("It failed. [PROVIDER_RATE_LIMITED, call call_1]", error.getMessage());
        assertEquals(Map.of("model", "m"), error.metadata());
        assertEquals(Optional.of(Duration.ofMillis(1500)), error.retryAfter());
        assertEquals("call_1", error.callId());
        assertEquals(false, error.started());
        assertEquals(FAILURE.getAttemptsList(), error.attempts());
        assertEquals(Optional.of(FAILURE.getUsage()), error.usage());
        assertEquals("Slow down.", error.providerMessage());
        assertEquals(List.of(new FieldViolation("model", "Name one.")), error.violations());
        assertEquals(FAILURE.getQuotaViolationsList(), error.quotaViolations());
        assertEquals("s", error.quotaFailures().get(0).getSubject());
        assertInstanceOf(StatusRuntimeException.class, error.getCause());
    }

    /** Codes and reasons, and what they mean before content and after. */
    static Stream<Arguments> kinds() {
        return Stream.of(
                arguments(Status.Code.INVALID_ARGUMENT, "INVALID_FIELD", "INVALID_REQUEST", "INVALID_REQUEST"),
                arguments(Status.Code.FAILED_PRECONDITION, "", "INVALID_REQUEST", "INVALID_REQUEST"),
                arguments(Status.Code.UNAUTHENTICATED, "API_KEY_INVALID", "AUTHENTICATION", "AUTHENTICATION"),
                arguments(Status.Code.PERMISSION_DENIED, "", "PERMISSION_DENIED", "PERMISSION_DENIED"),
                arguments(Status.Code.NOT_FOUND, "CACHE_MISS", "NOT_FOUND", "NOT_FOUND"),
                arguments(Status.Code.RESOURCE_EXHAUSTED, "", "OTHER", "OTHER"),
                arguments(Status.Code.RESOURCE_EXHAUSTED, "BUDGET_EXCEEDED", "OTHER", "OTHER"),
                arguments(Status.Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", "RATE_LIMITED", "RATE_LIMITED"),
                arguments(Status.Code.RESOURCE_EXHAUSTED, "GATEWAY_OVERLOADED", "RATE_LIMITED", "RATE_LIMITED"),
                arguments(Status.Code.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", "INVALID_REQUEST", "INVALID_REQUEST"),
                arguments(Status.Code.UNAVAILABLE, "", "UNAVAILABLE", "STREAM_BROKEN"),
                arguments(Status.Code.UNAVAILABLE, "SHUTTING_DOWN", "UNAVAILABLE", "STREAM_BROKEN"),
                arguments(Status.Code.UNAVAILABLE, "STREAM_BROKEN", "STREAM_BROKEN", "STREAM_BROKEN"),
                arguments(Status.Code.DEADLINE_EXCEEDED, "EVENT_GAP_TIMEOUT", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
                arguments(Status.Code.ABORTED, "READER_TOO_SLOW", "OTHER", "OTHER"),
                arguments(Status.Code.INTERNAL, "INTERNAL_ERROR", "OTHER", "OTHER"),
                arguments(Status.Code.CANCELLED, "", "OTHER", "OTHER"),
                arguments(Status.Code.NOT_FOUND, "NEWER_THAN_THIS_CLIENT", "NOT_FOUND", "NOT_FOUND"));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void theKindIsByReasonThenByCode(Status.Code code, String reason, ErrorKind before, ErrorKind after) {
        StatusRuntimeException status = reason.isEmpty() ? failed(code) : failed(code, info("ERROR_REASON_" + reason));
        assertEquals(before, FailureReader.read(status, false).kind());
        assertEquals(after, FailureReader.read(status, true).kind());
        assertEquals(true, FailureReader.read(status, true).started());
    }

    @Test
    void aReasonNewerThanThisClientKeepsItsName() {
        GatewayException error = GatewayException.from(failed(Status.Code.ABORTED, info("ERROR_REASON_NEWER")));
        assertEquals(ErrorReason.ERROR_REASON_UNSPECIFIED, error.reason());
        assertEquals("ERROR_REASON_NEWER", error.reasonName());
        assertEquals("It failed. [NEWER]", error.getMessage());
    }

    @ParameterizedTest
    @EnumSource(ErrorReason.class)
    void everyReasonIsReadByItsName(ErrorReason reason) {
        GatewayException error = GatewayException.from(failed(Status.Code.ABORTED, info(reason.name())));
        boolean known = reason != ErrorReason.UNRECOGNIZED;
        assertEquals(known ? reason : ErrorReason.ERROR_REASON_UNSPECIFIED, error.reason());
    }

    @Test
    void anotherDomainsReasonIsNone() {
        ErrorInfo other = info("ERROR_REASON_STREAM_BROKEN").toBuilder()
                .setDomain("example.com")
                .build();
        GatewayException error = GatewayException.from(failed(Status.Code.UNAVAILABLE, other));
        assertEquals(ErrorKind.UNAVAILABLE, error.kind());
        assertEquals("It failed. [UNAVAILABLE]", error.getMessage());
        assertEquals(Map.of(), error.metadata());
    }

    @Test
    void brokenDetailsHideNeitherTheStatusNorTheOthers() {
        Any broken = Any.newBuilder()
                .setTypeUrl("type.googleapis.com/llmgateway.v1.CallFailure")
                .setValue(ByteString.copyFromUtf8("\u007f"))
                .build();
        GatewayException error =
                GatewayException.from(failed(Status.Code.NOT_FOUND, broken, info("ERROR_REASON_CACHE_MISS")));
        assertEquals(ErrorKind.NOT_FOUND, error.kind());
        assertEquals(ErrorReason.ERROR_REASON_CACHE_MISS, error.reason());

        Metadata trailers = new Metadata();
        trailers.put(FailureReader.STATUS_KEY, new byte[] {(byte) 0xff});
        trailers.put(FailureReader.CALL_ID_KEY, "call_2");
        GatewayException unread = GatewayException.from(Status.NOT_FOUND.asRuntimeException(trailers));
        assertEquals("NOT_FOUND [NOT_FOUND, call call_2]", unread.getMessage());
    }

    @Test
    void aStatusWithoutTrailingMetadataIsAnErrorToo() {
        GatewayException error = GatewayException.from(Status.UNKNOWN.asRuntimeException());
        assertEquals("UNKNOWN [UNKNOWN]", error.getMessage());
        assertEquals("", error.callId());
        assertEquals(Optional.empty(), error.usage());
        assertEquals(Optional.empty(), error.retryAfter());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Received message larger than max (5 vs. 4)",
                "received metadata size exceeds hard limit",
                "gRPC message exceeds maximum size 4: 5"
            })
    void aMessageOverALimitIsNoRateLimit(String tooLarge) {
        GatewayException error = GatewayException.from(
                Status.RESOURCE_EXHAUSTED.withDescription(tooLarge).asRuntimeException());
        assertEquals(ErrorKind.INVALID_REQUEST, error.kind());
        assertEquals(ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE, error.reason());
    }

    static Stream<Arguments> delays() {
        return Stream.of(
                arguments("retry_delay { seconds: -5 }", Duration.ZERO),
                arguments("retry_delay {}", Duration.ZERO),
                arguments(
                        "retry_delay { seconds: 9223372036854775807 nanos: 2147483647 }",
                        Duration.ofSeconds(315_576_000_002L, 147_483_647)));
    }

    @ParameterizedTest
    @MethodSource("delays")
    void aDelayIsNeverNegativeAndNeverFails(String retry, Duration expected) {
        GatewayException error = GatewayException.from(
                failed(Status.Code.UNAVAILABLE, Protos.message(retry, RetryInfo.getDefaultInstance())));
        assertEquals(Optional.of(expected), error.retryAfter());
    }

    @Test
    void aDeadlinesCauseIsJavasOwn() {
        StatusRuntimeException status = failed(Status.Code.DEADLINE_EXCEEDED);
        GatewayException error = GatewayException.from(status);
        TimeoutException timeout = assertInstanceOf(TimeoutException.class, error.getCause());
        assertEquals(status, timeout.getCause());
    }

    @Test
    void theFailureOfAComparedModelIsReadAlike() {
        CompareFailure told = Protos.message(
                "code: 14 reason: ERROR_REASON_PROVIDER_OVERLOADED message: 'Wait.' failure { call_id: 'c' }",
                CompareFailure.getDefaultInstance());
        GatewayException before = FailureReader.read(told, false);
        assertEquals("Wait. [PROVIDER_OVERLOADED, call c]", before.getMessage());
        assertEquals(ErrorKind.UNAVAILABLE, before.kind());
        GatewayException after = FailureReader.read(told, true);
        assertEquals(ErrorKind.STREAM_BROKEN, after.kind());
        assertEquals(true, after.started());

        CompareFailure newer = Protos.message("code: 99 reason: 999", CompareFailure.getDefaultInstance());
        GatewayException unknown = FailureReader.read(newer, false);
        assertEquals("UNKNOWN [UNKNOWN]", unknown.getMessage());
        assertEquals(ErrorReason.ERROR_REASON_UNSPECIFIED, unknown.reason());
    }

    @Test
    void itSurvivesSerialization() throws IOException, ClassNotFoundException {
        GatewayException error = GatewayException.broken("Broken.", "call_1", true, null);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream output = new ObjectOutputStream(bytes)) {
            output.writeObject(error);
        }
        try (ObjectInputStream input = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            GatewayException read = assertInstanceOf(GatewayException.class, input.readObject());
            assertEquals("Broken. [INTERNAL, call call_1]", read.getMessage());
            assertEquals("call_1", read.callId());
        }
    }

    private static ErrorInfo info(String reason) {
        return ErrorInfo.newBuilder()
                .setDomain("llmgateway.dev")
                .setReason(reason)
                .putMetadata("model", "m")
                .build();
    }

    private static StatusRuntimeException failed(Status.Code code, Message... details) {
        com.google.rpc.Status.Builder told = com.google.rpc.Status.newBuilder().setCode(code.value());
        for (Message detail : details) {
            told.addDetails(detail instanceof Any packed ? packed : Any.pack(detail));
        }
        Metadata trailers = new Metadata();
        trailers.put(FailureReader.STATUS_KEY, told.build().toByteArray());
        return code.toStatus().withDescription("It failed.").asRuntimeException(trailers);
    }
}
