"""Runs subjects beside each other and keeps what came out."""
