"""The Python that README and documents show, as modules."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAME: Final = re.compile(r"# (\w+\.py)\n")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code. Its first line may name its file, for other blocks to import it."""

    document: str
    file_name: str
    code: str


def python_blocks(*names: str) -> list[Block]:
    """Those of the documents with these names, or of all."""
    return [
        _block(document, number, code)
        for document in DOCUMENTS
        if not names or document.name in names
        for number, code in enumerate(_BLOCK.findall(document.read_text(encoding="utf-8")), start=1)
    ]


def write(blocks: list[Block], folder: Path) -> None:
    """Each into a file of its own."""
    assert len({block.file_name for block in blocks}) == len(blocks)
    for block in blocks:
        (folder / block.file_name).write_text(block.code, encoding="utf-8")


def _block(document: Path, number: int, code: str) -> Block:
    named = _NAME.match(code)
    plain = re.sub(r"\W", "_", document.stem.lower())
    return Block(document.name, named[1] if named else f"{plain}_{number}.py", code)
