"""One attempt at one target: encode, send, decode, within its timers."""
