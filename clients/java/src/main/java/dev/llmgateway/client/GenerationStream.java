package dev.llmgateway.client;

import dev.llmgateway.v1.GenerateResponse;
import dev.llmgateway.v1.GenerationEvent;
import dev.llmgateway.v1.Part;
import dev.llmgateway.v1.StreamGenerateResponse;
import io.grpc.StatusRuntimeException;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The events of one generation, one by one. Single use.
 *
 * <pre>{@code
 * try (GenerationStream stream = client.stream(Prompt.of("Hello").model("mock/echo"))) {
 *     for (String piece : stream.text()) {
 *         System.out.print(piece);
 *     }
 *     System.out.println(stream.response().getUsage());
 * }
 * }</pre>
 *
 * <p>Leaving the block early cancels the call, and the provider stops working; so does dropping the last reference to
 * the stream, if late. Reading throws a {@link GatewayException} if the call fails. Events of a kind that this client
 * does not know come with {@code EVENT_NOT_SET}: skip them.
 *
 * <p>It belongs to one thread, but for {@link #close}, which any thread may call.
 */
public final class GenerationStream implements Iterable<GenerationEvent>, AutoCloseable {
    private final RunningCall<StreamGenerateResponse> call;
    private final Failures failures;
    private final Queue<GenerationEvent> events = new ArrayDeque<>();
    private final Fold fold = new Fold();
    private final Iterator<GenerationEvent> iterator = new Events();
    private boolean contentCame;

    GenerationStream(RunningCall<StreamGenerateResponse> call, Failures failures) {
        this.call = call;
        this.failures = failures;
    }

    /** Returns what the events so far add up to: the whole answer once the stream has ended. */
    public GenerateResponse response() {
        return fold.response();
    }

    /** Returns whether the last event has come: {@link #response} is the whole answer. */
    public boolean isFinished() {
        return fold.isFinished();
    }

    /** Returns the events that are still to come. Every iterator of a stream goes on where the others are. */
    @Override
    public Iterator<GenerationEvent> iterator() {
        return iterator;
    }

    /** Returns the first candidate's text in pieces as it comes: see {@link #text(int)}. */
    public Iterable<String> text() {
        return text(0);
    }

    /**
     * Returns the text of one candidate in pieces as it comes: that of text parts, without reasoning or refusals. Like
     * the events, it is read once.
     */
    public Iterable<String> text(int candidateIndex) {
        return () -> new Texts(iterator, candidateIndex);
    }

    /** Reads to the end and returns the whole answer. */
    public GenerateResponse collect() {
        iterator.forEachRemaining(event -> {});
        return response();
    }

    /** Cancels the call unless it has ended. No event comes afterwards. */
    @Override
    public void close() {
        call.close();
    }

    /** Returns whether an event shows that content has come. */
    static boolean isContent(GenerationEvent event) {
        return switch (event.getEventCase()) {
            case PART_STARTED, PART_DELTA, PART_FINISHED, CANDIDATE_FINISHED, FINISHED -> true;
            case STARTED, HEARTBEAT, PROVIDER_EVENT, EVENT_NOT_SET -> false;
        };
    }

    /** Returns the next message, null at the end of a whole answer. */
    private @Nullable StreamGenerateResponse read() {
        try {
            StreamGenerateResponse message = call.read();
            if (message == null && !fold.isFinished()) {
                throw broken("The stream ended without its last event.", null);
            }
            return message;
        } catch (StatusRuntimeException error) {
            throw failures.read(error, contentCame, call.isAnswered());
        }
    }

    private void add(GenerationEvent event) {
        try {
            fold.add(event);
        } catch (GrammarException error) {
            close();
            throw broken("The stream makes no sense: " + error.getMessage() + ".", error);
        }
        contentCame = contentCame || isContent(event);
    }

    private GatewayException broken(String message, @Nullable Throwable cause) {
        return GatewayException.broken(message, response().getCall().getCallId(), contentCame, cause);
    }

    /** The events, each added to the fold as it is handed out. */
    private final class Events implements Iterator<GenerationEvent> {
        @Override
        public boolean hasNext() {
            if (call.isClosed()) {
                throw new IllegalStateException("The stream is closed: read it inside its try block.");
            }
            while (events.isEmpty()) {
                StreamGenerateResponse message = read();
                if (message == null) {
                    return false;
                }
                events.addAll(message.getEventsList());
            }
            return true;
        }

        @Override
        public GenerationEvent next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            GenerationEvent event = events.remove();
            add(event);
            return event;
        }
    }

    /** The pieces of one candidate's text parts. */
    private static final class Texts implements Iterator<String> {
        private final Iterator<GenerationEvent> events;
        private final int candidateIndex;
        private final Set<Integer> textParts = new HashSet<>();
        private String next = "";

        Texts(Iterator<GenerationEvent> events, int candidateIndex) {
            this.events = events;
            this.candidateIndex = candidateIndex;
        }

        @Override
        public boolean hasNext() {
            while (next.isEmpty() && events.hasNext()) {
                next = piece(events.next());
            }
            return !next.isEmpty();
        }

        @Override
        public String next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            String piece = next;
            next = "";
            return piece;
        }

        private String piece(GenerationEvent event) {
            if (event.getCandidateIndex() != candidateIndex) {
                return "";
            }
            if (event.hasPartStarted() && event.getPartStarted().getPart().hasText()) {
                Part part = event.getPartStarted().getPart();
                textParts.add(event.getPartStarted().getIndex());
                return part.getText();
            }
            boolean appends = event.hasPartDelta()
                    && textParts.contains(event.getPartDelta().getIndex());
            return appends ? event.getPartDelta().getText() : "";
        }
    }
}
