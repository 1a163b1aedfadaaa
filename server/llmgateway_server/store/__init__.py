"""What outlives a process: the ledger of attempts with its counters, and the objects that the admin services manage."""
