"""The report of a migration, for auditors: the same facts as JSON and as a page."""

import asyncio
import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from s3py_helper.application.migration.migration import Migration
from s3py_helper.domain.migration import FileState


async def write_report(migration: Migration, folder: Path) -> list[Path]:
    """Write `report.json` and `report.html` into a folder, which is made where it is missing."""
    facts = await _facts(migration)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    contents = {
        "report.json": json.dumps(facts, indent=2, ensure_ascii=False, default=str),
        "report.html": _page(facts),
    }
    for name, content in contents.items():
        await asyncio.to_thread((folder / name).write_text, content, encoding="utf-8")
    return [folder / name for name in contents]


async def _facts(migration: Migration) -> dict[str, Any]:
    status = await migration.status()
    proofs: dict[str, int] = {}
    digests = {state: hashlib.sha256() for state in FileState}
    async with migration.ledger.files() as files:
        async for file in files:
            line = f"{file.file_id}\t{file.size}\t{file.crc32}\t{file.key}\n"
            digests[file.state].update(line.encode())
            if file.proof is not None:
                proofs[file.proof] = proofs.get(file.proof, 0) + 1
    return {
        "made_at": datetime.now(UTC).isoformat(),
        "made_by": f"s3py-helper {version('s3py-helper')}",
        "counts": [asdict(tally) for tally in status.tallies],
        "routes": status.routes,
        "target": await _last(migration, "target"),
        "servers": await _last(migration, "preflight"),
        "proofs": proofs,
        # Of the lines "id, size, CRC-32, key" in the order of the ids: anybody can make the same.
        "sha256_of_lists": {state: digest.hexdigest() for state, digest in digests.items() if status.files_in(state)},
        "sources": [asdict(source) for source in status.sources],
        "reasons": [
            {"code": code, "count": count, "samples": [str(sample) for sample in samples]}
            for code, count, samples in status.reasons
        ],
        "events": [
            {"at": datetime.fromtimestamp(at, UTC).isoformat(), "event": name, "detail": detail}
            for at, name, detail in await migration.ledger.events()
        ],
    }


async def _last(migration: Migration, event: str) -> dict[str, object]:
    """What was seen last: whether the target proves copies by itself, which versions the servers have."""
    events = await migration.ledger.events(name=event, limit=1)
    return dict(events[0][2]) if events else {}


def _page(facts: dict[str, Any]) -> str:
    tables = "".join(_table(name, rows) for name, rows in facts.items() if isinstance(rows, list) and rows)
    maps = "".join(
        _table(name, [{"name": key, "value": value} for key, value in rows.items()])
        for name, rows in facts.items()
        if isinstance(rows, dict) and rows
    )
    style = (
        "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem}"
        "td,th{padding:.2rem .8rem;text-align:left}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Migration report</title><style>{style}</style>'
        f"<h1>Migration report</h1><p>{escape(facts['made_at'])}, {escape(facts['made_by'])}</p>{maps}{tables}</html>\n"
    )


def _table(name: str, rows: list[dict[str, Any]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in row.values())}</tr>" for row in rows)
    return f"<h2>{escape(name.replace('_', ' '))}</h2><table><tr>{head}</tr>{body}</table>"
