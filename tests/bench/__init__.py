"""What a call costs: CPU, latency and memory of the gateway beside bare relays of the same libraries."""
