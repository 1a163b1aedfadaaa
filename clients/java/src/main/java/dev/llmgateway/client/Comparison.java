package dev.llmgateway.client;

import dev.llmgateway.v1.CompareResponse;
import dev.llmgateway.v1.GenerationEvent;
import io.grpc.StatusRuntimeException;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What several models write, event by event, each as it comes. Single use.
 *
 * <pre>{@code
 * try (Comparison comparison = client.compare(Prompt.of("Why?"), List.of("mock/echo", "mock/lorem"))) {
 *     for (ComparedEvent came : comparison) {
 *         System.out.println(came.model().name() + came.event().map(GenerationEvent::getEventCase));
 *     }
 *     comparison.models().forEach(model -> System.out.println(model.error().isPresent()));
 * }
 * }</pre>
 *
 * <p>That one model fails ends nothing for the others. Thrown is only what concerns them all: then it is the error of
 * each that had not ended. Leaving the block early cancels the call, and every provider stops working; so does dropping
 * the last reference to the comparison, if late.
 *
 * <p>It belongs to one thread, but for {@link #close}, which any thread may call.
 */
public final class Comparison implements Iterable<ComparedEvent>, AutoCloseable {
    private final List<ComparedModel> models;
    private final RunningCall<CompareResponse> call;
    private final Failures failures;
    private final Queue<ComparedEvent> events = new ArrayDeque<>();
    private final Iterator<ComparedEvent> iterator = new Events();

    Comparison(RunningCall<CompareResponse> call, List<String> names, Failures failures) {
        this.call = call;
        this.failures = failures;
        models = IntStream.range(0, names.size())
                .mapToObj(index -> new ComparedModel(index, names.get(index)))
                .toList();
    }

    /** Returns the models, as they were asked. */
    public List<ComparedModel> models() {
        return models;
    }

    /** Returns the events that are still to come. Every iterator of a comparison goes on where the others are. */
    @Override
    public Iterator<ComparedEvent> iterator() {
        return iterator;
    }

    /** Reads to the end and returns the models, each with its answer or its error. */
    public List<ComparedModel> collect() {
        iterator.forEachRemaining(event -> {});
        return models;
    }

    /** Cancels the call unless it has ended. No event comes afterwards. */
    @Override
    public void close() {
        call.close();
    }

    /** Returns the next message, null at the end, once every model has ended. */
    private @Nullable CompareResponse read() {
        try {
            CompareResponse message = call.read();
            if (message == null && !models.stream().allMatch(ComparedModel::hasEnded)) {
                throw fail(broken("The stream ended before every model had.", null));
            }
            return message;
        } catch (StatusRuntimeException error) {
            throw fail(failures.read(error, models.stream().anyMatch(ComparedModel::contentCame), call.isAnswered()));
        }
    }

    /** Queues what a message holds; one of a kind that this client does not know holds nothing. */
    private void take(CompareResponse message) {
        int index = message.getModelIndex();
        if (index < 0 || index >= models.size()) {
            throw makeNoSense("there is no model " + index, null);
        }
        ComparedModel model = models.get(index);
        if (model.hasEnded()) {
            throw makeNoSense(model.name() + " goes on after its end", null);
        }
        if (message.hasFailure()) {
            model.fail(FailureReader.read(message.getFailure(), model.contentCame()));
            events.add(new ComparedEvent(model, null));
        }
        for (GenerationEvent event : message.getEvents().getEventsList()) {
            events.add(new ComparedEvent(model, event));
        }
    }

    private void add(ComparedModel model, GenerationEvent event) {
        try {
            model.add(event);
        } catch (GrammarException error) {
            throw makeNoSense(model.name() + ": " + error.getMessage(), error);
        }
    }

    private GatewayException makeNoSense(String what, @Nullable Throwable cause) {
        close();
        return fail(broken("The stream makes no sense: " + what + ".", cause));
    }

    /** Makes an error that of every model that has not ended. */
    private GatewayException fail(GatewayException error) {
        models.stream().filter(model -> !model.hasEnded()).forEach(model -> model.fail(error));
        return error;
    }

    private static GatewayException broken(String message, @Nullable Throwable cause) {
        return GatewayException.broken(message, "", false, cause);
    }

    /** The events, each added to its model as it is handed out. */
    private final class Events implements Iterator<ComparedEvent> {
        @Override
        public boolean hasNext() {
            if (call.isClosed()) {
                throw new IllegalStateException("The comparison is closed: read it inside its try block.");
            }
            while (events.isEmpty()) {
                CompareResponse message = read();
                if (message == null) {
                    return false;
                }
                take(message);
            }
            return true;
        }

        @Override
        public ComparedEvent next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            ComparedEvent came = events.remove();
            came.event().ifPresent(event -> add(came.model(), event));
            return came;
        }
    }
}
