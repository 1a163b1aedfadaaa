"""Configuration: the typed settings, and the loader that fills them from YAML or the environment."""
