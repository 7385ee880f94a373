"""Puts a migration together with the backends that it moves files between."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.application.locator import Locator
from s3py_helper.application.migration.changing import MigrationNotice
from s3py_helper.application.migration.leftovers import Leftovers
from s3py_helper.application.migration.migration import Migration, RawAccess
from s3py_helper.application.migration.moved_files import MOVED, MovedFiles, MovedPresignedUrls
from s3py_helper.application.migration.relocation import MigrationRelocation
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.relocation import DeleteAt
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.file_id import Backend
from s3py_helper.entrypoints.container.brokers import shard_queue
from s3py_helper.entrypoints.container.config import KitConfig
from s3py_helper.entrypoints.container.ledgers import ledger_at

SWEEP_SECONDS: Final = 60.0
"""How often deletions are repeated that a server which was down has missed."""


@dataclass(frozen=True, slots=True)
class Migrating:
    """A migration that is open.

    Attributes:
        migration: The use case.
        locator: Finds old ids where their files are now.
    """

    migration: Migration
    locator: Locator


@asynccontextmanager
async def open_migration(
    config: KitConfig, backends: Mapping[str, MountedBackend], observer: Observer, clean_up: BackgroundCleanUp
) -> AsyncGenerator[Migrating]:
    """The migration that a deployment takes part in; its ledger is open inside the block."""
    s3, fastdfs = backends[Backend.S3], backends.get(Backend.FASTDFS)
    if config.migration is None or config.s3 is None or s3.migration_target is None:
        raise InvalidArgumentException("a migration needs its settings, and S3 as its target")
    bucket, prefix = config.migration.bucket or config.s3.default_bucket, config.migration.prefix
    async with ledger_at(
        config.migration.ledger, f"{bucket}/{prefix}", makes=config.makes_ledger, waits=config.waits_for_ledger
    ) as ledger:
        source = None if fastdfs is None else fastdfs.migration_source
        relocation = MigrationRelocation(ledger, bucket, prefix, observer, reaches_fastdfs=fastdfs is not None)
        files = MovedFiles(s3.store, bucket, prefix)
        signs = None if s3.presigning is None else MovedPresignedUrls(files, s3.presigning)
        moved = MountedBackend(store=files, health=s3.health, presigning=signs)
        locator = Locator(
            config.policy,
            backends,
            relocation=relocation,
            places={MOVED: moved},
            observer=observer,
            clean_up=clean_up,
        )
        target = s3.migration_target(bucket)
        leftovers = Leftovers(target, ledger, prefix, observer)

        async def after_copying() -> None:
            await relocation.sweep(locator.delete_place)
            await leftovers.remove()

        sweeper = asyncio.ensure_future(_sweep(relocation, locator.delete_place))
        try:
            raw = RawAccess(relocation, {MOVED: moved}, MigrationNotice(ledger, moved.store, observer))
            broker = config.migration.broker
            queue = None if broker is None else partial(shard_queue, broker, f"{bucket}/{prefix}")
            migration = Migration(source, target, ledger, prefix, observer, raw, clean_up=after_copying, queue=queue)
            yield Migrating(migration, locator)
        finally:
            sweeper.cancel()
            await asyncio.wait([sweeper])


async def _sweep(relocation: MigrationRelocation, delete_at: DeleteAt) -> None:
    """Repeat, now and then, what deletions have left on servers that were out of reach."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        with suppress(StorageException):  # the ledger cannot be read now: the next round looks again
            await relocation.sweep(delete_at)
