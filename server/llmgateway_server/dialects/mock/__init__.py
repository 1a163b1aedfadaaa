"""A model that says what it is told to: for development, tests and load, without a provider."""
