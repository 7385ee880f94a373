"""What the use cases need from outside. Adapters implement these protocols; nothing here knows the adapters."""
