"""The raw services: the same use cases as everywhere, on FastDFS alone."""
