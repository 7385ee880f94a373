"""S3 object storage."""
