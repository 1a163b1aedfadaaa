package dev.llmgateway.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.Message;
import dev.llmgateway.client.GatewayException;
import java.util.Base64;
import java.util.concurrent.TimeoutException;

/** Writes what a call brought as the cases expect it. */
final class Described {
    private Described() {}

    static String message(Message message) {
        return Base64.getEncoder().encodeToString(message.toByteArray());
    }

    static JsonObject error(GatewayException error) {
        JsonObject described = new JsonObject();
        described.addProperty("kind", error.kind().name());
        described.addProperty("code", error.code().name());
        described.addProperty("reason", error.reasonName());
        described.addProperty("message", error.plainMessage());
        JsonObject metadata = new JsonObject();
        error.metadata().forEach(metadata::addProperty);
        described.add("metadata", metadata);
        described.addProperty(
                "retry_after_ms",
                error.retryAfter().map(delay -> delay.toMillis()).orElse(null));
        described.addProperty("call_id", error.callId());
        described.addProperty("started", error.started());
        described.add("attempts", messages(error.attempts()));
        described.addProperty("usage", error.usage().map(Described::message).orElse(null));
        described.addProperty("provider_message", error.providerMessage());
        JsonArray violations = new JsonArray();
        error.violations().forEach(wrong -> {
            JsonObject violation = new JsonObject();
            violation.addProperty("field", wrong.field());
            violation.addProperty("description", wrong.description());
            violations.add(violation);
        });
        described.add("violations", violations);
        described.add("quota_violations", messages(error.quotaViolations()));
        described.addProperty("is_deadline_error", error.getCause() instanceof TimeoutException);
        return described;
    }

    private static JsonArray messages(Iterable<? extends Message> messages) {
        JsonArray array = new JsonArray();
        messages.forEach(message -> array.add(message(message)));
        return array;
    }
}
