"""Tries a target, holds a stream back until it commits, and says what became of the try."""
