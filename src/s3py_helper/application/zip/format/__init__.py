"""The zip format: records, timestamps, compression and the order of things. No I/O."""
