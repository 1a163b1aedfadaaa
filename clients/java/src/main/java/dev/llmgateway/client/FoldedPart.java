package dev.llmgateway.client;

import com.google.protobuf.ByteString;
import dev.llmgateway.v1.Media;
import dev.llmgateway.v1.Part;
import dev.llmgateway.v1.PartDelta;
import dev.llmgateway.v1.PartFinished;
import dev.llmgateway.v1.ToolCall;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One part on its way.
 *
 * <p>A text of a message is copied whole at each assignment: pieces are collected, and joined when the part is closed
 * or looked at.
 */
final class FoldedPart {
    private final Part.Builder part;
    private final List<String> texts = new ArrayList<>();
    private final List<String> arguments = new ArrayList<>();
    private final List<String> transcripts = new ArrayList<>();
    private final List<ByteString> data = new ArrayList<>();

    FoldedPart(Part started) {
        part = started.toBuilder();
    }

    /** Appends what one delta holds. What appends to an unknown kind of part is skipped. */
    void append(PartDelta delta) {
        if (part.getContentCase() != Part.ContentCase.CONTENT_NOT_SET
                && delta.getDeltaCase() != PartDelta.DeltaCase.DELTA_NOT_SET) {
            check(delta.getDeltaCase());
            collect(delta);
        }
        part.addAllAnnotations(delta.getAnnotationsList());
        part.addAllLogprobs(delta.getLogprobsList());
    }

    /** Adds what is known only at the end. */
    void close(PartFinished event) {
        join();
        if (event.hasSignature()) {
            part.setSignature(event.getSignature());
        }
        part.putAllProviderJson(event.getProviderJsonMap());
    }

    /** Returns the part as it is by now. */
    Part build() {
        join();
        return part.build();
    }

    private void collect(PartDelta delta) {
        switch (delta.getDeltaCase()) {
            case TEXT -> texts.add(delta.getText());
            case ARGUMENTS_JSON -> arguments.add(delta.getArgumentsJson());
            case DATA -> data.add(delta.getData());
            case TRANSCRIPT -> transcripts.add(delta.getTranscript());
            case DELTA_NOT_SET -> {}
        }
    }

    /** Moves the pieces collected so far into the part. */
    private void join() {
        if (!texts.isEmpty()) {
            joinTexts();
        }
        if (!arguments.isEmpty()) {
            ToolCall.Builder call = part.getToolCallBuilder();
            call.setArgumentsJson(joined(call.getArgumentsJson(), arguments));
        }
        if (!transcripts.isEmpty()) {
            Media.Builder media = part.getMediaBuilder();
            media.setTranscript(joined(media.getTranscript(), transcripts));
        }
        if (!data.isEmpty()) {
            Media.Builder media = part.getMediaBuilder();
            media.setData(media.getData().concat(ByteString.copyFrom(data)));
            data.clear();
        }
    }

    private void joinTexts() {
        switch (part.getContentCase()) {
            case TEXT -> part.setText(joined(part.getText(), texts));
            case REFUSAL -> part.setRefusal(joined(part.getRefusal(), texts));
            case REASONING ->
                part.getReasoningBuilder().setText(joined(part.getReasoning().getText(), texts));
            case TOOL_CALL ->
                part.getToolCallBuilder().setText(joined(part.getToolCall().getText(), texts));
            default -> throw new AssertionError("no text was to be collected for " + part.getContentCase());
        }
    }

    private static String joined(String before, List<String> pieces) {
        String text = before + String.join("", pieces);
        pieces.clear();
        return text;
    }

    /** Refuses a delta that does not fit the part's kind, or what the part already holds. */
    private void check(PartDelta.DeltaCase member) {
        if (!fits(member)) {
            throw new GrammarException("a delta of " + name(member) + " does not fit a part of the kind " + kind());
        }
        String held = held(member);
        if (held != null && !held.equals(name(member))) {
            throw new GrammarException(
                    "a delta of " + name(member) + " does not fit a " + kind() + " that holds " + held);
        }
    }

    private boolean fits(PartDelta.DeltaCase member) {
        return switch (part.getContentCase()) {
            case TEXT, REASONING, REFUSAL -> member == PartDelta.DeltaCase.TEXT;
            case TOOL_CALL -> member == PartDelta.DeltaCase.TEXT || member == PartDelta.DeltaCase.ARGUMENTS_JSON;
            case MEDIA -> member == PartDelta.DeltaCase.DATA || member == PartDelta.DeltaCase.TRANSCRIPT;
            default -> false;
        };
    }

    /** Names what the part holds of that of which it can hold one only. */
    private @Nullable String held(PartDelta.DeltaCase member) {
        if (part.hasToolCall()) {
            return heldInput();
        }
        return member == PartDelta.DeltaCase.DATA ? heldSource() : null;
    }

    /** Names what a tool call holds, by its start or by the deltas that are not joined yet. */
    private @Nullable String heldInput() {
        ToolCall.InputCase held = part.getToolCall().getInputCase();
        if (held != ToolCall.InputCase.INPUT_NOT_SET) {
            return ToolCall.getDescriptor().findFieldByNumber(held.getNumber()).getName();
        }
        if (!arguments.isEmpty()) {
            return "arguments_json";
        }
        return texts.isEmpty() ? null : "text";
    }

    private @Nullable String heldSource() {
        Media.SourceCase held = part.getMedia().getSourceCase();
        return held == Media.SourceCase.SOURCE_NOT_SET
                ? null
                : Media.getDescriptor().findFieldByNumber(held.getNumber()).getName();
    }

    private String kind() {
        return Part.getDescriptor()
                .findFieldByNumber(part.getContentCase().getNumber())
                .getName();
    }

    private static String name(PartDelta.DeltaCase member) {
        return PartDelta.getDescriptor().findFieldByNumber(member.getNumber()).getName();
    }
}
