"""The composition root: the only place inside `entrypoints` that names adapters."""
