"""The admin services: keys, teams, quotas and usage, as plain methods over the contract's messages."""
