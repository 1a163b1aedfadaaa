"""Limits on what callers spend and ask for: windows, rates, bounds, reservations."""
