"""How far a command has come: for people at a terminal, nothing for scripts."""
