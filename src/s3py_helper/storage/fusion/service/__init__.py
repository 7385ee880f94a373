"""The fusion services."""
