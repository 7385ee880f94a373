"""Requests as data, and what asks them."""
