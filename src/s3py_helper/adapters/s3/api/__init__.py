"""The requests of the S3 API, without the SDK: addressed, signed, sent, and their responses understood."""
