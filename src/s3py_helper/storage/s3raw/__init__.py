"""S3 without routing and validation: the client, and services whose ids read `bucket/key`."""
