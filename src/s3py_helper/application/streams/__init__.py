"""Bytes on their way through the use cases: in from callers, out to them."""
