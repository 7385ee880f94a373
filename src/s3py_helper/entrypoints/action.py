"""What can be done with files, one word each: tokens have them as scopes."""

from enum import StrEnum


class Action(StrEnum):
    """What a request is about to do."""

    READ = "read"
    """Fetch or describe a file; each file of an archive is asked for."""
    WRITE = "write"
    """Store new files."""
    NAME = "name"
    """Choose the key of a new file; asked for besides `WRITE`."""
    DELETE = "delete"
    """Remove a file."""
    LIST = "list"
    """Enumerate files."""
    LINK = "link"
    """Sign a link, which works for everybody who has it."""
    ADMIN = "admin"
    """Look at the service itself: metrics, and what is wrong with which backend."""
