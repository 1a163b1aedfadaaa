package dev.llmgateway.client;

import java.io.Serializable;

/**
 * One wrong field of a request.
 *
 * @param field its path in the request's message
 * @param description what would be right
 */
public record FieldViolation(String field, String description) implements Serializable {}
