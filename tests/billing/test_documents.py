"""docs/cdr.md and docs/billing.md say what the code does."""

import hashlib
import json
import re
from pathlib import Path

from gateway.billing.caps import load_caps
from gateway.billing.cdr import field_table
from gateway.billing.rating import LineKind
from gateway.billing.tariff import load_tariffs
from gateway.billing.tariff_document import TariffEntry
from gateway.call.termination import Reason
from gateway.policy.decision import Refusal

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_fields_is_that_of_the_dataclass():
    text = (DOCS / "cdr.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- fields -->\n(.*)\n<!-- end of fields -->", text, re.DOTALL)
    assert table is not None
    assert table[1] == field_table(), "print(gateway.billing.cdr.field_table()) is what belongs into docs/cdr.md"


def test_every_reason_of_the_closed_list_is_explained_and_no_other():
    text = (DOCS / "cdr.md").read_text(encoding="utf-8").split("## Reasons")[1]
    told = set(re.findall(r"^\| `([\w<>]+)` \|", text, re.MULTILINE)) - {"reason"}
    ended = {str(each) for each in Reason if each is not Reason.REFUSED}
    refused = {f"refused_{each}" for each in Refusal}
    assert told == ended | refused | {"refused_<rule>"}


def test_the_tariff_and_the_caps_of_the_manual_load(tmp_path):
    tariff, caps = re.findall(r"```yaml\n(.*?)```", (DOCS / "tariffs.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "t.yaml").write_text(tariff)
    (tmp_path / "c.yaml").write_text(caps)
    assert list(load_tariffs([tmp_path / "t.yaml"])) == ["county-audio"]
    assert load_caps([tmp_path / "c.yaml"]).tables() == ("us-fcc",)


def test_the_manual_explains_every_key_and_every_kind_of_line():
    text = (DOCS / "tariffs.md").read_text(encoding="utf-8")
    yaml, reckoned = text.split("## How a charge is reckoned")
    for name in TariffEntry.model_fields:
        assert f"{name}:" in yaml, name
    for kind in LineKind:
        assert re.search(rf"^    {kind} ", reckoned, re.MULTILINE), kind


def test_the_check_of_a_hash_in_the_manual_works():
    """Run as it is printed, on a record that was worked out without the gateway's code."""
    code = re.search(r"```python\n(.*?)```", (DOCS / "cdr.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    own = hashlib.sha256(b'00\n{"a":1,"b":"\xc3\xa9"}').hexdigest()
    line = f'{{"b":"\u00e9","a":1,"previous_hash":"00","hash":"{own}"}}'
    exec(code[1], {"json": json, "hashlib": hashlib, "one_line_of_the_json_lines_export": line})
