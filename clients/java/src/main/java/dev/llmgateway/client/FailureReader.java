package dev.llmgateway.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
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
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads what failed out of a status and its trailing metadata. */
final class FailureReader {
    static final String DOMAIN = "llmgateway.dev";
    static final Metadata.Key<byte[]> STATUS_KEY =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
    static final Metadata.Key<String> CALL_ID_KEY = Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);
    // gRPC's own words, the core library's and Java's, for a message or metadata over the receiver's limit.
    private static final List<String> TOO_LARGE =
            List.of("message larger than max", "metadata size exceeds", "message exceeds maximum size");

    // Of google.protobuf.Duration: ten thousand years.
    private static final long MAX_DELAY_S = 315_576_000_000L;

    private FailureReader() {}

    /** Returns what a failed call means. {@code contentCame} tells that its caller has received content. */
    static GatewayException read(StatusRuntimeException error, boolean contentCame) {
        Status status = error.getStatus();
        Metadata trailers = Objects.requireNonNullElseGet(error.getTrailers(), Metadata::new);
        com.google.rpc.Status told = told(trailers);
        GatewayException.Details details = details(status, told, trailers, contentCame);
        ErrorKind kind = ErrorKind.of(
                status.getCode(), details.reason(), details.failure().getStarted());
        String message = Objects.requireNonNullElse(status.getDescription(), "");
        return new GatewayException(
                kind,
                status.getCode(),
                message.isEmpty() ? status.getCode().name() : message,
                details,
                cause(kind, error));
    }

    /** Returns what the failure of one of several models means: the error that its own stream would have raised. */
    static GatewayException read(CompareFailure told, boolean contentCame) {
        Status.Code code = Status.fromCodeValue(told.getCode()).getCode();
        boolean known = told.getReason() != ErrorReason.UNRECOGNIZED;
        ErrorReason reason = known ? told.getReason() : ErrorReason.ERROR_REASON_UNSPECIFIED;
        CallFailure failure = told.getFailure().toBuilder()
                .setStarted(told.getFailure().getStarted() || contentCame)
                .build();
        ErrorKind kind = ErrorKind.of(code, reason, failure.getStarted());
        String message = told.getMessage().isEmpty() ? code.name() : told.getMessage();
        return new GatewayException(
                kind, code, message, GatewayException.Details.of(reason, failure), cause(kind, null));
    }

    /** Returns whether the gateway itself, rather than the library, made a status. */
    static boolean isTheGateways(StatusRuntimeException error) {
        Metadata trailers = Objects.requireNonNullElseGet(error.getTrailers(), Metadata::new);
        return first(trailers, CALL_ID_KEY) != null || info(told(trailers)).isPresent();
    }

    private static GatewayException.Details details(
            Status status, com.google.rpc.Status told, Metadata trailers, boolean contentCame) {
        Optional<ErrorInfo> info = info(told);
        String reasonName = info.map(ErrorInfo::getReason).orElseGet(() -> libraryReason(status));
        CallFailure failure = details(told, CallFailure.class).findFirst().orElse(CallFailure.getDefaultInstance());
        String callId = failure.getCallId();
        if (callId.isEmpty()) {
            callId = Objects.requireNonNullElse(first(trailers, CALL_ID_KEY), "");
        }
        return new GatewayException.Details(
                reason(reasonName),
                reasonName,
                info.map(ErrorInfo::getMetadataMap).orElse(Map.of()),
                details(told, RetryInfo.class)
                        .findFirst()
                        .map(FailureReader::delay)
                        .orElse(null),
                failure.toBuilder()
                        .setCallId(callId)
                        .setStarted(failure.getStarted() || contentCame)
                        .build(),
                details(told, BadRequest.class)
                        .flatMap(wrong -> wrong.getFieldViolationsList().stream())
                        .map(field -> new FieldViolation(field.getField(), field.getDescription()))
                        .toList(),
                details(told, QuotaFailure.class)
                        .flatMap(quota -> quota.getViolationsList().stream())
                        .toList());
    }

    private static Optional<ErrorInfo> info(com.google.rpc.Status told) {
        return details(told, ErrorInfo.class)
                .filter(info -> info.getDomain().equals(DOMAIN))
                .findFirst();
    }

    /** Returns the reason of a status that gRPC made itself: it refuses a message over a limit before we see it. */
    private static String libraryReason(Status status) {
        String said = Objects.requireNonNullElse(status.getDescription(), "");
        boolean tooLarge = status.getCode() == Status.Code.RESOURCE_EXHAUSTED
                && TOO_LARGE.stream().anyMatch(said::contains);
        return (tooLarge ? ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE : ErrorReason.ERROR_REASON_UNSPECIFIED).name();
    }

    /** Returns the reason of a name, unspecified for one that this client does not know. */
    private static ErrorReason reason(String name) {
        var value = ErrorReason.getDescriptor().findValueByName(name);
        return value == null ? ErrorReason.ERROR_REASON_UNSPECIFIED : ErrorReason.valueOf(value);
    }

    /** Returns a deadline's error as Java's own, so that code which knows no gateway understands it. */
    private static @Nullable Throwable cause(ErrorKind kind, @Nullable StatusRuntimeException error) {
        if (kind != ErrorKind.DEADLINE_EXCEEDED) {
            return error;
        }
        TimeoutException timeout = new TimeoutException("The call took longer than its deadline.");
        if (error != null) {
            timeout.initCause(error);
        }
        return timeout;
    }

    /** Returns the status that the trailing metadata hold; an empty one where there is none or it is broken. */
    private static com.google.rpc.Status told(Metadata trailers) {
        try {
            byte[] bytes = first(trailers, STATUS_KEY);
            return bytes == null ? com.google.rpc.Status.getDefaultInstance() : com.google.rpc.Status.parseFrom(bytes);
        } catch (InvalidProtocolBufferException broken) {
            return com.google.rpc.Status.getDefaultInstance();
        }
    }

    /** Returns the details of one kind that can be read. */
    private static <M extends Message> Stream<M> details(com.google.rpc.Status told, Class<M> kind) {
        return told.getDetailsList().stream().filter(any -> any.is(kind)).flatMap(any -> unpacked(any, kind));
    }

    private static <M extends Message> Stream<M> unpacked(Any any, Class<M> kind) {
        try {
            return Stream.of(any.unpack(kind));
        } catch (InvalidProtocolBufferException broken) {
            return Stream.empty();
        }
    }

    /** Returns the delay, never negative, and no longer than the longest that a message can hold. */
    private static Duration delay(RetryInfo retry) {
        long seconds = Math.min(retry.getRetryDelay().getSeconds(), MAX_DELAY_S);
        Duration delay = Duration.ofSeconds(seconds, retry.getRetryDelay().getNanos());
        return delay.isNegative() ? Duration.ZERO : delay;
    }

    /** Returns the first value of a key: of a repeated one it counts. */
    private static <T> @Nullable T first(Metadata trailers, Metadata.Key<T> key) {
        Iterable<T> values = trailers.getAll(key);
        Iterator<T> each = values == null ? null : values.iterator();
        return each != null && each.hasNext() ? each.next() : null;
    }
}
