"""Servers and fixtures that tests share."""
