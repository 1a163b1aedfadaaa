"""What a person, or a program, sees of keys, teams, quotas and usage: tables and JSON."""
