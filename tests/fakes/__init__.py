"""Stand-ins for the world outside, on loopback, wholly under a test's control."""
