"""The Gemini wire format: generateContent, embeddings, token counts, models, errors; AI Studio and Vertex AI."""
