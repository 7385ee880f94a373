"""Services that route each id to its backend, assembled from raw services."""
