"""Where things are."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PEERS: Final = ROOT / "benchmarks" / "peers"
SCRATCH: Final = ROOT / ".bench"
ENVIRONMENTS: Final = SCRATCH / "environments"
RESULTS: Final = ROOT / "docs" / "benchmarks"
