"""Rates and calls at once in Redis or Valkey, for several gateways. The only place that knows redis-py."""
