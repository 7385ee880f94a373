"""What the use cases need from the outside. Adapters implement these protocols; nothing here knows them."""
