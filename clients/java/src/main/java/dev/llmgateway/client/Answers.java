package dev.llmgateway.client;

import dev.llmgateway.v1.Candidate;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.Part;
import java.util.stream.Collectors;

/** Reads answers, for callers who want no more of them than their text. */
public final class Answers {
    private Answers() {}

    /** Returns the text parts of the first candidate, joined; empty where it has none. Reasoning is no text. */
    public static String text(GenerateResponse response) {
        return text(response, 0);
    }

    /** Returns the text parts of one candidate, joined; empty where it has none. Reasoning is no text. */
    public static String text(GenerateResponse response, int candidateIndex) {
        return response.getCandidatesList().stream()
                .filter(candidate -> candidate.getIndex() == candidateIndex)
                .map(Candidate::getMessage)
                .flatMap(message -> message.getPartsList().stream())
                .filter(Part::hasText)
                .map(Part::getText)
                .collect(Collectors.joining());
    }
}
