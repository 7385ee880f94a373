"""What a plan means before it is carried out."""

from s3py_helper.application.migration.outline import PlanOutline, Rates
from s3py_helper.application.ports.ledger import Outlined
from s3py_helper.domain.migration import SIZE_CLASSES, FileKind, FileState

_MIB = 1 << 20


def test_an_empty_ledger_costs_nothing() -> None:
    outline = PlanOutline.of([], Rates())
    assert (outline.files, outline.puts, outline.heads, outline.lists, outline.seconds) == (0, 0, 0, 0, 0)


def test_files_sizes_requests_and_time_are_summed() -> None:
    parts = [
        Outlined(FileKind.NORMAL, FileState.PLANNED, 1, 1500, 1500 * 10_000),
        Outlined(FileKind.TRUNK, FileState.COPYING, 1, 500, 500 * 10_000),
        Outlined(FileKind.APPENDER, FileState.PLANNED, 5, 2, 2 * 160 * _MIB),
        Outlined(FileKind.SLAVE, FileState.PLANNED, None, 1, 0),
        Outlined(FileKind.NORMAL, FileState.VERIFIED, 1, 77, 77),
        Outlined(FileKind.LEFTOVER, FileState.GONE, None, 3, 0),
        Outlined(FileKind.UNSERVABLE, FileState.QUARANTINED, None, 4, 0),
    ]
    outline = PlanOutline.of(parts, Rates(100.0, 1e9))
    assert (outline.files, outline.bytes) == (2003, 20_000_000 + 320 * _MIB)
    assert outline.kinds == {FileKind.NORMAL: 1500, FileKind.TRUNK: 500, FileKind.APPENDER: 2, FileKind.SLAVE: 1}
    assert outline.sizes[1] == (SIZE_CLASSES[1], 2000, 20_000_000)
    assert outline.sizes[5] == (SIZE_CLASSES[5], 2, 320 * _MIB)
    assert outline.sizes[-1] == (None, 0, 0)
    assert [bound for bound, _, _ in outline.sizes] == [*SIZE_CLASSES, None]
    assert outline.unsized == 1
    assert outline.left_out == {"gone leftover": 3, "quarantined unservable": 4}
    assert outline.puts == 2001 + 2 * 2 + 20, "ten parts each, and two that begin and end each upload"
    assert (outline.heads, outline.lists) == (4006, 3)
    assert outline.seconds == 20.03, "by files, which takes longer than by bytes"
    assert PlanOutline.of(parts, Rates(100.0, 1e6)).seconds == outline.bytes / 1e6
