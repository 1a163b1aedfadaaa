/**
 * A typed client of the LLM gateway.
 *
 * <p>Begin with {@link dev.llmgateway.client.GatewayClient}. Messages are those of the contract,
 * {@code dev.llmgateway.v1}.
 */
@NullMarked
package dev.llmgateway.client;

import org.jspecify.annotations.NullMarked;
