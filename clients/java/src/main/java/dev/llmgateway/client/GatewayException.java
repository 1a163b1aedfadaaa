package dev.llmgateway.client;

import com.google.rpc.QuotaFailure;
import dev.llmgateway.v1.Attempt;
import dev.llmgateway.v1.CallFailure;
import dev.llmgateway.v1.ErrorReason;
import dev.llmgateway.v1.QuotaViolation;
import dev.llmgateway.v1.Usage;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A call that failed, with all that the gateway said of it.
 *
 * <pre>{@code
 * try {
 *     client.generate(prompt);
 * } catch (GatewayException error) {
 *     switch (error.kind()) {
 *         case RATE_LIMITED -> retryIn(error.retryAfter().orElse(Duration.ofSeconds(1)));
 *         case INVALID_REQUEST -> error.violations().forEach(System.err::println);
 *         default -> throw error;
 *     }
 * }
 * }</pre>
 *
 * <p>Branch on {@link #kind} or {@link #reason}, never on the message. Where the time of a call ran out, the cause is a
 * {@link TimeoutException}; where its thread was interrupted, an {@link InterruptedException}.
 */
public final class GatewayException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final String REASON_PREFIX = "ERROR_REASON_";

    private final ErrorKind kind;
    private final Status.Code code;
    private final String plainMessage;
    private final Details details;

    /** All that came beside code and message. What the gateway does not say is empty or null. */
    record Details(
            ErrorReason reason,
            String reasonName,
            Map<String, String> metadata,
            @Nullable Duration retryAfter,
            CallFailure failure,
            List<FieldViolation> violations,
            List<QuotaFailure.Violation> quotaFailures)
            implements Serializable {
        static final Details NONE = of(ErrorReason.ERROR_REASON_UNSPECIFIED, CallFailure.getDefaultInstance());

        static Details of(ErrorReason reason, CallFailure failure) {
            return new Details(
                    reason, reason.getValueDescriptor().getName(), Map.of(), null, failure, List.of(), List.of());
        }
    }

    GatewayException(
            ErrorKind kind, Status.Code code, String plainMessage, Details details, @Nullable Throwable cause) {
        super(text(plainMessage, code, details), cause);
        this.kind = kind;
        this.code = code;
        this.plainMessage = plainMessage;
        this.details = details;
    }

    /**
     * Returns what a failed call of a generated stub means. Never fails: details that are absent, unknown or broken are
     * left out, the status itself always stands.
     */
    public static GatewayException from(StatusRuntimeException error) {
        return FailureReader.read(error, false);
    }

    /** Returns the error of a stream that is not as the contract has it. */
    static GatewayException broken(String message, String callId, boolean started, @Nullable Throwable cause) {
        CallFailure failure =
                CallFailure.newBuilder().setCallId(callId).setStarted(started).build();
        Details details = Details.of(ErrorReason.ERROR_REASON_UNSPECIFIED, failure);
        return new GatewayException(ErrorKind.STREAM_BROKEN, Status.Code.INTERNAL, message, details, cause);
    }

    /** Returns the error of a call that ended because its thread was interrupted. */
    static GatewayException interrupted(InterruptedException cause) {
        String message = "The thread was interrupted while it waited for the gateway.";
        return new GatewayException(ErrorKind.OTHER, Status.Code.CANCELLED, message, Details.NONE, cause);
    }

    /** Returns this error with what a look at the gateway's address told. */
    GatewayException explained(String message) {
        GatewayException explained = new GatewayException(ErrorKind.UNAVAILABLE, code, message, details, getCause());
        explained.setStackTrace(getStackTrace());
        return explained;
    }

    /** Returns what the failure means for the caller. */
    public ErrorKind kind() {
        return kind;
    }

    /** Returns the gRPC code. */
    public Status.Code code() {
        return code;
    }

    /**
     * Returns the gateway's reason; {@code ERROR_REASON_UNSPECIFIED} where it gave none, as for a failure of the
     * network, or gave one newer than this client.
     */
    public ErrorReason reason() {
        return details.reason();
    }

    /** Returns the reason's name as it came. */
    public String reasonName() {
        return details.reasonName();
    }

    /** Returns the message without reason and call id, which {@link #getMessage} adds. */
    public String plainMessage() {
        return plainMessage;
    }

    /** Returns what belongs to the reason: see the comments of {@link ErrorReason}. */
    public Map<String, String> metadata() {
        return details.metadata();
    }

    /** Returns the time after which trying again may help; empty where the gateway does not say. */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(details.retryAfter());
    }

    /** Returns the gateway's id of the call; empty where it never reached the gateway. */
    public String callId() {
        return details.failure().getCallId();
    }

    /** Returns whether content had come before the failure: then trying again means paying again. */
    public boolean started() {
        return details.failure().getStarted();
    }

    /** Returns the tries at targets, in order. */
    public List<Attempt> attempts() {
        return details.failure().getAttemptsList();
    }

    /** Returns what was charged all the same; empty if that is unknown. */
    public Optional<Usage> usage() {
        return details.failure().hasUsage() ? Optional.of(details.failure().getUsage()) : Optional.empty();
    }

    /** Returns the provider's own message, empty if there is none. */
    public String providerMessage() {
        return details.failure().getProviderMessage();
    }

    /** Returns the wrong fields of the request. */
    public List<FieldViolation> violations() {
        return details.violations();
    }

    /** Returns the gateway's quotas that refused the call. */
    public List<QuotaViolation> quotaViolations() {
        return details.failure().getQuotaViolationsList();
    }

    /** Returns the quotas that refused the call, in gRPC's own words. */
    public List<QuotaFailure.Violation> quotaFailures() {
        return details.quotaFailures();
    }

    private static String text(String message, Status.Code code, Details details) {
        boolean known = !details.reasonName().equals(ErrorReason.ERROR_REASON_UNSPECIFIED.name());
        String name = known ? withoutPrefix(details.reasonName()) : code.name();
        String callId = details.failure().getCallId();
        return message + " [" + name + (callId.isEmpty() ? "" : ", call " + callId) + "]";
    }

    private static String withoutPrefix(String name) {
        return name.startsWith(REASON_PREFIX) ? name.substring(REASON_PREFIX.length()) : name;
    }
}
