"""The ledger and the objects in one file of SQLite, which one process writes."""
