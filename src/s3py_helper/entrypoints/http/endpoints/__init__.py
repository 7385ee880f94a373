"""The endpoints for files: each file adds those of one use case to a router."""
