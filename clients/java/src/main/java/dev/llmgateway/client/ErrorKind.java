package dev.llmgateway.client;

import dev.llmgateway.v1.ErrorReason;
import io.grpc.Status;

/** What a failure means for the caller: see {@link GatewayException#kind()}. */
public enum ErrorKind {
    /** The request is wrong, or no target can serve it: sending it again is no use. */
    INVALID_REQUEST,
    /** The key is absent, unknown, expired or revoked. */
    AUTHENTICATION,
    /** The key may not do this. */
    PERMISSION_DENIED,
    /** No model and no route has this name, or the cache does not hold the answer. */
    NOT_FOUND,
    /** A limit of the provider or of the gateway is reached for now: see {@link GatewayException#retryAfter()}. */
    RATE_LIMITED,
    /** The gateway cannot be reached, or every target failed before any content: try again, or elsewhere. */
    UNAVAILABLE,
    /** The call took longer than its deadline, or one of the gateway's timers ran out. */
    DEADLINE_EXCEEDED,
    /** The stream broke off after content had come, or makes no sense: trying again means paying again. */
    STREAM_BROKEN,
    /** None of the others. */
    OTHER;

    /** Returns the kind of a status: by its reason first, then by its code. */
    static ErrorKind of(Status.Code code, ErrorReason reason, boolean started) {
        return switch (reason) {
            case ERROR_REASON_QUOTA_EXCEEDED, ERROR_REASON_PROVIDER_RATE_LIMITED, ERROR_REASON_GATEWAY_OVERLOADED ->
                RATE_LIMITED;
            case ERROR_REASON_REQUEST_TOO_LARGE -> INVALID_REQUEST;
            case ERROR_REASON_STREAM_BROKEN -> STREAM_BROKEN;
            default -> of(code, started);
        };
    }

    private static ErrorKind of(Status.Code code, boolean started) {
        return switch (code) {
            case INVALID_ARGUMENT, FAILED_PRECONDITION -> INVALID_REQUEST;
            case UNAUTHENTICATED -> AUTHENTICATION;
            case PERMISSION_DENIED -> PERMISSION_DENIED;
            case NOT_FOUND -> NOT_FOUND;
            case UNAVAILABLE -> started ? STREAM_BROKEN : UNAVAILABLE;
            case DEADLINE_EXCEEDED -> DEADLINE_EXCEEDED;
            default -> OTHER;
        };
    }
}
