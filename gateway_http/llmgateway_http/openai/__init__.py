"""OpenAI's JSON to and from the contract. Pure: no I/O, no clock."""
