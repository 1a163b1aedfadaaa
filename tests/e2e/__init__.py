"""The gateway as its users meet it: the installed command in a process of its own, driven by real clients."""
