"""Who may come in, and who waits how long: bounded rooms with a fair queue before each."""
