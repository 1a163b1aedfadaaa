package dev.llmgateway.client;

import dev.llmgateway.v1.GenerationEvent;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What came next of one model: an event, or its failure, which is the model's error from then on. */
public final class ComparedEvent {
    private final ComparedModel model;
    private final @Nullable GenerationEvent event;

    ComparedEvent(ComparedModel model, @Nullable GenerationEvent event) {
        this.model = model;
        this.event = event;
    }

    /** Returns the model that it came from. */
    public ComparedModel model() {
        return model;
    }

    /** Returns the event, empty for a failure: see {@link ComparedModel#error}. */
    public Optional<GenerationEvent> event() {
        return Optional.ofNullable(event);
    }
}
