/** Tests of the client: of its pure parts by tables, of the rest against a real server whose answers a test scripts. */
@NullMarked
package dev.llmgateway.client;

import org.jspecify.annotations.NullMarked;
