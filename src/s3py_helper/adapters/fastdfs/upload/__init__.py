"""Storing files, and taking back what must not stay."""
