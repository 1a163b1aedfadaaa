"""Which target answers a call."""
