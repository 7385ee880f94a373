"""Storing objects: one request or parts, and nothing left behind when that fails."""
