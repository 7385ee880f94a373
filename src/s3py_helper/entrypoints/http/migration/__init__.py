"""A migration over HTTP: what its page and other programs see of it, and what they may do."""
