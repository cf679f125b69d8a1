"""A node that could not call the telephones of its dialplan does not start, and says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.app import Gateway
from gateway.config import load_config
from gateway.errors import StartError
from tests.call.phones import plan

UNABLE = {
    "unknown": [{"name": "demo", "sources": ["127.0.0.1"]}],
    "without a server": [{"name": "demo", "sources": ["127.0.0.1"]}, {"name": "carrier-a", "sources": ["127.0.0.2"]}],
}


@pytest.mark.parametrize("trunks", UNABLE.values(), ids=UNABLE.keys())
async def test_a_trunk_that_leads_nowhere(tmp_path: Path, trunks: list[dict[str, object]]) -> None:
    config = tmp_path / "kinbridge.yaml"
    tariffs = Path(__file__).parents[2] / "dialplans" / "tariffs" / "demo.yaml"
    caps = tariffs.parents[1] / "caps" / "us-fcc.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "node": "test1",
                "dialplan": str(plan(tmp_path)),
                "tariffs": [str(tariffs)],
                "caps": [str(caps)],
                "store": {"url": f"sqlite:///{tmp_path}/node.db"},
                "sip": {"trunks": trunks},
            }
        )
    )
    with pytest.raises(StartError, match=r"demo-jail call telephones over carrier-a: set sip\.trunks"):
        async with Gateway(load_config(config)):
            pass
    assert not (tmp_path / "node.db").exists(), "nothing was begun"
