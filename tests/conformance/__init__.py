"""One suite of calls that every client makes against one gateway, and what each must see."""
