"""Cohere's dialect, version 2."""
