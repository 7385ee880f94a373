"""Runs subjects beside each other on servers that they share."""
