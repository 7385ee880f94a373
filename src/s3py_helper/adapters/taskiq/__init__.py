"""Shards of a migration through brokers that taskiq knows."""
