package dev.llmgateway.conformance;

import com.google.gson.JsonObject;
import com.google.gson.annotations.SerializedName;
import org.jspecify.annotations.Nullable;

/** One call to make, as a line of the input has it. */
record Case(
        String name,
        JsonObject client,
        String rpc,
        @SerializedName("request_bytes") String requestBytes,
        @SerializedName("timeout_s") @Nullable Double timeoutS,
        @SerializedName("leave_after") int leaveAfter,
        @SerializedName("cancel_after_ms") @Nullable Long cancelAfterMs,
        @SerializedName("follow_up_bytes") @Nullable String followUpBytes,
        @Nullable Repeat repeat) {
    /** How often to make it, and how many at once. */
    record Repeat(int count, int concurrency) {}
}
