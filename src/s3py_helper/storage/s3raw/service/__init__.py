"""The raw services: the same use cases as everywhere, with ids that read `bucket/key`."""
