"""What stands beside an exported file: enough to see that it is whole, and where to go on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.billing.cdr import SCHEMA


@dataclass(frozen=True, slots=True)
class Manifest:
    """totals: the column `total` added up, for each currency; a visit that was corrected counts with each record.

    first_sequence, last_sequence: of the records in the file, 0 when there is none. next_since: where to go on from,
    also when the filters let nothing through. filters: what was asked for.
    """

    file: str
    format: str
    node: str
    rows: int
    first_sequence: int
    last_sequence: int
    next_since: int
    totals: dict[str, str]
    sha256: str
    bytes: int
    filters: dict[str, str]
    made_at: str
    schema: int = SCHEMA

    def text(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def place(path: Path) -> Path:
    """`cdr.csv` has `cdr.csv.manifest.json`."""
    return path.with_name(f"{path.name}.manifest.json")
