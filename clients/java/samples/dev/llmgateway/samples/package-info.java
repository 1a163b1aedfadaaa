/** Examples of what callers do with the client. */
@NullMarked
package dev.llmgateway.samples;

import org.jspecify.annotations.NullMarked;
