"""Storing files, and rolling back what must not stay."""
