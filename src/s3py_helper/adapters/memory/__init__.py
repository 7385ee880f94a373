"""The memory of this process: for tests and demonstrations."""
