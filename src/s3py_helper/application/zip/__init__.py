"""Many files as one zip archive, written while they are read.

`plan` is the use case and `archive` its bytes; `records`, `timestamps` and `writer` are the format; `encoding` makes an
entry's data from a file's bytes; `lookahead` opens files ahead of their turn.
"""
