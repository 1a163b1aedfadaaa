package dev.llmgateway.client;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Makes errors of what fails, and looks at the gateway's address where the library alone knows why. */
final class Failures {
    private static final Set<Status.Code> LIBRARY_CODES =
            EnumSet.of(Status.Code.UNAVAILABLE, Status.Code.UNKNOWN, Status.Code.INTERNAL);

    private final Diagnosis diagnosis;

    Failures(Diagnosis diagnosis) {
        this.diagnosis = diagnosis;
    }

    /** Returns what a failed call means; a look at its address may take a second. */
    GatewayException read(StatusRuntimeException error, boolean contentCame, boolean answered) {
        GatewayException read = FailureReader.read(error, contentCame);
        if (!isTheLibrarys(error, answered)) {
            return read;
        }
        return explain(read, diagnosis.look(read.plainMessage()).join());
    }

    /** Returns the same once the look is done, without waiting for it. */
    CompletableFuture<GatewayException> readLater(StatusRuntimeException error, boolean answered) {
        GatewayException read = FailureReader.read(error, false);
        if (!isTheLibrarys(error, answered)) {
            return CompletableFuture.completedFuture(read);
        }
        return diagnosis.look(read.plainMessage()).thenApply(found -> explain(read, found));
    }

    private static boolean isTheLibrarys(StatusRuntimeException error, boolean answered) {
        return !answered && LIBRARY_CODES.contains(error.getStatus().getCode()) && !FailureReader.isTheGateways(error);
    }

    private static GatewayException explain(GatewayException error, Optional<String> found) {
        return found.map(error::explained).orElse(error);
    }
}
