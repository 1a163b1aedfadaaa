/** The conformance suite's way into this client. */
@NullMarked
package dev.llmgateway.conformance;

import org.jspecify.annotations.NullMarked;
