"""The gateway's server: everything behind the contract `llmgateway.v1`."""
