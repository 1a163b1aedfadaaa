"""The OpenAI-compatible REST face: JSON in, one call of the contract, JSON or server-sent events out."""
