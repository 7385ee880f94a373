"""What is written down of each request: a line in the log, metrics, a span."""
