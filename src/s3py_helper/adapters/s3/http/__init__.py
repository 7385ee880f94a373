"""HTTP/1.1 for requests that can be repeated: docs/decisions/0008-own-http-connections.md."""
