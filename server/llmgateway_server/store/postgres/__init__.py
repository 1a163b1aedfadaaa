"""The ledger and the objects in PostgreSQL: the authority for money where there is more than one gateway."""
