"""The OpenAI wire format: chat completions, legacy completions, embeddings, models, errors."""
