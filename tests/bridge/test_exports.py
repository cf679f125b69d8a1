"""What the package shows to the gateway, and what loading it costs."""

from __future__ import annotations

import subprocess
import sys

import bridge


def test_every_public_name_is_there() -> None:
    assert all(getattr(bridge, name) is not None for name in bridge.__all__)


def test_values_load_without_the_heavy_libraries() -> None:
    code = (
        "import sys, bridge, bridge.types, bridge.events; sys.exit(bool({'aiortc', 'av', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
