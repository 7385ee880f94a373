"""The zip format: records, timestamps, compression and their order. No I/O."""
