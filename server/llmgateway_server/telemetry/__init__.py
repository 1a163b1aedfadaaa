"""What the gateway says of itself: metrics, log lines, probes. Never any content, never a secret."""
