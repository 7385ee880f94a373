"""The feed of the migration that an application has open."""

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.status_feed import StatusFeed


class Feeds:
    """One feed for all requests and for metrics: however many watch, the ledger is read once."""

    def __init__(self) -> None:
        self._feed: StatusFeed | None = None

    def of(self, migration: Migration) -> StatusFeed:
        """The feed of a migration; another one, where the application has been started again."""
        if self._feed is None or self._feed.migration is not migration:
            self._feed = StatusFeed(migration)
        return self._feed
