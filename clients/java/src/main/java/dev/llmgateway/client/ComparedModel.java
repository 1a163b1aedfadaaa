package dev.llmgateway.client;

import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GenerationEvent;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One of the models that are compared: what it has written by now, and how it ended. */
public final class ComparedModel {
    private final int index;
    private final String name;
    private final Fold fold = new Fold();
    private @Nullable GatewayException error;
    private boolean contentCame;

    ComparedModel(int index, String name) {
        this.index = index;
        this.name = name;
    }

    /** Returns its place among the models asked, from 0. */
    public int index() {
        return index;
    }

    /** Returns what it was asked by. */
    public String name() {
        return name;
    }

    /** Returns why it failed, empty if it has not. What came before a failure stays in {@link #response}. */
    public Optional<GatewayException> error() {
        return Optional.ofNullable(error);
    }

    /** Returns what its events so far add up to: the whole answer once it has finished. */
    public GenerateResponse response() {
        return fold.response();
    }

    /** Returns whether its last event has come: {@link #response} is the whole answer. */
    public boolean isFinished() {
        return fold.isFinished();
    }

    /** Returns whether it has finished or failed: nothing more comes from it. */
    public boolean hasEnded() {
        return isFinished() || error != null;
    }

    /**
     * Returns the whole answer.
     *
     * @throws GatewayException why there is none
     * @throws IllegalStateException if it has not ended
     */
    public GenerateResponse result() {
        if (error != null) {
            throw error;
        }
        if (!isFinished()) {
            throw new IllegalStateException(name + " has not finished: read the comparison to its end first.");
        }
        return response();
    }

    /** Adds its next event. */
    void add(GenerationEvent event) {
        fold.add(event);
        contentCame = contentCame || GenerationStream.isContent(event);
    }

    void fail(GatewayException why) {
        error = why;
    }

    boolean contentCame() {
        return contentCame;
    }
}
