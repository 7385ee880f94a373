"""Many files as one zip archive, written while they are read.

`archive.plan` is the use case; `records` and `writer` are the format, `deflate` and `encoding` the bytes of an entry,
`lookahead` opens files ahead of their turn.
"""
