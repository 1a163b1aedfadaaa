package dev.llmgateway.client;

/** Events in an order that the contract does not allow. The message says which, and why. */
public final class GrammarException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    GrammarException(String message) {
        super(message);
    }
}
