package dev.llmgateway.client;

import dev.llmgateway.v1.CallInfo;
import dev.llmgateway.v1.Candidate;
import dev.llmgateway.v1.CandidateFinished;
import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GenerationEvent;
import dev.llmgateway.v1.GenerationFinished;
import dev.llmgateway.v1.GenerationStarted;
import dev.llmgateway.v1.PartDelta;
import dev.llmgateway.v1.PartFinished;
import dev.llmgateway.v1.PartStarted;
import dev.llmgateway.v1.Role;
import dev.llmgateway.v1.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Adds the events of a generation up to its whole, one by one, in time linear in their size.
 *
 * <p>A {@link GenerateResponse} is by definition the fold of the events of {@code StreamGenerate}. How text is cut into
 * deltas has no meaning. Events of a kind unknown to this client change nothing, nor do heartbeats and provider events.
 * It belongs to one thread.
 */
public final class Fold {
    private final NavigableMap<Integer, OpenCandidate> candidates = new TreeMap<>();
    private boolean started;
    private @Nullable CallInfo call;
    private @Nullable Usage usage;
    private @Nullable GenerateResponse whole;

    /** Creates the fold of no events. */
    public Fold() {}

    /**
     * Returns the whole of a generation.
     *
     * @throws GrammarException where the events are none, or lack their end
     */
    public static GenerateResponse of(Iterable<GenerationEvent> events) {
        Fold fold = new Fold();
        events.forEach(fold::add);
        if (!fold.isFinished()) {
            throw new GrammarException("the events end without finished, which is the last event");
        }
        return fold.response();
    }

    /** Returns whether the last event has been added: {@link #response} is whole. */
    public boolean isFinished() {
        return whole != null;
    }

    /**
     * Returns what the events so far add up to.
     *
     * <p>Until {@link #isFinished} it is built anew at each look, in time linear in its size.
     */
    public GenerateResponse response() {
        return whole == null ? assemble() : whole;
    }

    /**
     * Adds the next event.
     *
     * @throws GrammarException where it has no place here
     */
    public void add(GenerationEvent event) {
        switch (event.getEventCase()) {
            case EVENT_NOT_SET -> {}
            case HEARTBEAT, PROVIDER_EVENT -> requireUnfinished(event);
            case STARTED -> {
                requireUnfinished(event);
                start(event.getStarted());
            }
            case PART_STARTED -> candidate(event).open(event.getPartStarted());
            case PART_DELTA -> candidate(event).append(event.getPartDelta());
            case PART_FINISHED -> candidate(event).close(event.getPartFinished());
            case CANDIDATE_FINISHED -> candidate(event).finish(event.getCandidateFinished());
            case FINISHED -> {
                requireStarted(event);
                finish(event.getFinished());
            }
        }
    }

    private void start(GenerationStarted event) {
        if (started) {
            throw new GrammarException("started comes twice");
        }
        started = true;
        call = event.hasCall() ? event.getCall() : null;
        usage = event.hasUsage() ? event.getUsage() : null;
    }

    /** Ends the generation. What the event leaves out stands as the first one said it. */
    private void finish(GenerationFinished event) {
        List<Integer> open = candidates.values().stream()
                .filter(candidate -> !candidate.isFinished())
                .map(OpenCandidate::index)
                .toList();
        if (!open.isEmpty()) {
            throw new GrammarException("finished comes while candidates are open: " + open);
        }
        call = event.hasCall() ? event.getCall() : call;
        usage = event.hasUsage() ? event.getUsage() : usage;
        whole = assemble();
        candidates.clear();
    }

    /** Returns the candidate of an event, which opens it if it is the first of it. */
    private OpenCandidate candidate(GenerationEvent event) {
        requireStarted(event);
        int index = event.getCandidateIndex();
        if (index < 0) {
            throw new GrammarException("candidate " + index + ": indexes start at 0");
        }
        return candidates.computeIfAbsent(index, OpenCandidate::new);
    }

    private void requireStarted(GenerationEvent event) {
        requireUnfinished(event);
        if (!started) {
            throw new GrammarException(name(event) + " precedes started, which is the first event");
        }
    }

    private void requireUnfinished(GenerationEvent event) {
        if (isFinished()) {
            throw new GrammarException(name(event) + " follows finished, which is the last event");
        }
    }

    private GenerateResponse assemble() {
        GenerateResponse.Builder response = GenerateResponse.newBuilder();
        if (call != null) {
            response.setCall(call);
        }
        if (usage != null) {
            response.setUsage(usage);
        }
        candidates.values().forEach(candidate -> response.addCandidates(candidate.build()));
        return response.build();
    }

    /** Returns what the contract calls the kind of an event. */
    private static String name(GenerationEvent event) {
        return GenerationEvent.getDescriptor()
                .findFieldByNumber(event.getEventCase().getNumber())
                .getName();
    }

    /** One candidate on its way. */
    private static final class OpenCandidate {
        private final Candidate.Builder candidate;
        private final List<FoldedPart> parts = new ArrayList<>();
        private final SortedMap<Integer, FoldedPart> open = new TreeMap<>();
        private boolean finished;

        OpenCandidate(int index) {
            candidate = Candidate.newBuilder().setIndex(index);
        }

        int index() {
            return candidate.getIndex();
        }

        boolean isFinished() {
            return finished;
        }

        void open(PartStarted event) {
            if (finished) {
                throw wrong(event.getIndex(), "part_started follows candidate_finished");
            }
            if (event.getIndex() != parts.size()) {
                throw wrong(event.getIndex(), "part_started comes where part " + parts.size() + " is the next");
            }
            FoldedPart part = new FoldedPart(event.getPart());
            parts.add(part);
            open.put(event.getIndex(), part);
        }

        void append(PartDelta delta) {
            FoldedPart part = open.get(delta.getIndex());
            if (part == null) {
                throw wrong(delta.getIndex(), "part_delta comes while the part is not open");
            }
            try {
                part.append(delta);
            } catch (GrammarException error) {
                throw wrong(delta.getIndex(), error.getMessage());
            }
        }

        void close(PartFinished event) {
            FoldedPart part = open.remove(event.getIndex());
            if (part == null) {
                throw wrong(event.getIndex(), "part_finished comes while the part is not open");
            }
            part.close(event);
        }

        void finish(CandidateFinished event) {
            if (finished) {
                throw new GrammarException("candidate " + index() + ": candidate_finished comes twice");
            }
            if (!open.isEmpty()) {
                throw new GrammarException("candidate " + index() + ": candidate_finished comes while parts are open: "
                        + List.copyOf(open.keySet()));
            }
            finished = true;
            candidate
                    .setFinishReasonValue(event.getFinishReasonValue())
                    .setProviderFinishReason(event.getProviderFinishReason())
                    .setStopSequence(event.getStopSequence())
                    .setProviderJson(event.getProviderJson());
        }

        /** Returns the candidate as it is by now. */
        Candidate build() {
            Candidate.Builder built = candidate.clone();
            built.getMessageBuilder().setRole(Role.ROLE_ASSISTANT);
            parts.forEach(part -> built.getMessageBuilder().addParts(part.build()));
            return built.build();
        }

        private GrammarException wrong(int partIndex, @Nullable String what) {
            return new GrammarException("candidate " + index() + ", part " + partIndex + ": " + what);
        }
    }
}
