"""Which tracker and which storage server to ask."""
