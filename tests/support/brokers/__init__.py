"""Message brokers as child processes on loopback."""
