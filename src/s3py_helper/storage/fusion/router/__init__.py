"""Which backend an id belongs to."""
