"""How much one client, and all together, may take of what everybody needs."""
