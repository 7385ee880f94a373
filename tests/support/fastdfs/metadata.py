"""What a storage makes of metadata, its damages included: it measures nothing and answers "ok".

Items are separated by `\\x01`, name and value by `\\x02`. A real server cuts long names and values, drops items without
a separator, sorts, and writes the result over the request *without correcting its length*: rests of the request stay
behind it. Only merging into existing metadata gives a right length.
"""

from typing import Final

ITEM: Final = b"\x01"
VALUE: Final = b"\x02"
NAME_LIMIT: Final = 64
VALUE_LIMIT: Final = 256

type Items = list[tuple[bytes, bytes]]


def overwritten(sent: bytes) -> bytes:
    """What is stored where nothing was before, or where all of it is replaced."""
    rest = sent.replace(ITEM, b"\0")
    items = parse(sent)
    if not items:
        return rest
    packed = encode(items)
    return (packed + b"\0" + rest[len(packed) + 1 :])[: len(sent)]


def merged(stored: bytes, sent: bytes) -> bytes:
    """Each item sent replaces one stored item of its name, or joins."""
    if not stored:
        return overwritten(sent)
    items = parse(stored)
    joining: Items = []
    replaced: set[int] = set()
    for name, value in parse(sent):
        index = next((i for i, item in enumerate(items) if item[0] == name and i not in replaced), None)
        if index is None:
            joining.append((name, value))
        else:
            items[index] = (name, value)
            replaced.add(index)
    return encode(items + joining)


def parse(data: bytes) -> Items:
    pairs = (item.partition(VALUE) for item in data.split(ITEM))
    return [(name[:NAME_LIMIT], value[:VALUE_LIMIT]) for name, separator, value in pairs if separator]


def encode(items: Items) -> bytes:
    return ITEM.join(name + VALUE + value for name, value in sorted(items, key=lambda item: item[0]))
