"""The gateway's Python client, and the generated contract `llmgateway.v1`."""
