"""`kinbridge webhooks`: see what is on its way, send it again, try a receiver."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.demo.facility import DIALPLANS
from gateway.errors import KinbridgeError
from gateway.reaching import Patience
from gateway.store import DeliveryState, Store
from tests.reaching.stage import SECRET, courier, delivery, put, receiver
from tests.reaching.test_delivering import running, settled
from tests.support.receiver import WebhookReceiver


def config(folder: Path, url: str = "http://127.0.0.1:9/", more: str = "") -> Path:
    file = folder / "kinbridge.yaml"
    file.write_text(
        f"""dialplan: {DIALPLANS}/demo.yaml
tariffs: [{DIALPLANS}/tariffs/demo.yaml]
caps: [{DIALPLANS}/caps/us-fcc.yaml]
store:
  url: sqlite:///k.db
webhooks:
  timeout_s: 2
  receivers:
    - name: sms
      url: {url}
      secret: {SECRET}
      private: true
{more}""",
        encoding="utf-8",
    )
    return file


async def run(*words: str | Path) -> Result:
    """In a thread of its own: commands have a loop of their own, and the receiver must go on."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["webhooks", *(str(each) for each in words)])


async def test_what_was_given_up_is_listed_and_sent_again(tmp_path: Path) -> None:
    file, url = config(tmp_path), f"sqlite:///{tmp_path}/k.db"
    async with WebhookReceiver([500]) as there:
        to = receiver(there.url)
        async with Store(url) as store:
            await put(store, replace(delivery(), useless_at=delivery().made_at + timedelta(seconds=30)))
            async with courier(store, to, patience=Patience(first_retry_s=60)) as each, running(each.run()):
                await settled(store)
        listed = await run("list", "-c", file, "--state", "given-up")
        assert listed.exit_code == 0
        assert re.match(r"msg_1  given-up  sms  visit.ringing  v-1  1 attempt  last: 500  at: 20\d\d-", listed.output)
        assert "join" not in listed.output
        assert (await run("retry", "-c", file, "--all")).output == "1 message will be sent again\n"
        assert "waiting" in (await run("list", "-c", file)).output
        async with Store(url) as store, courier(store, to) as each, running(each.run()):
            (done,) = await settled(store)
        assert done.state is DeliveryState.DELIVERED
        assert len({each.body for each in there.got}) == 1
    late = await run("retry", "-c", file, "msg_1")
    assert isinstance(late.exception, KinbridgeError)
    assert "no longer kept" in str(late.exception)


async def test_a_receiver_is_tried(tmp_path: Path) -> None:
    async with WebhookReceiver([204, 500]) as there:
        file = config(tmp_path, there.url)
        first, second = await run("test", "sms", "-c", file), await run("test", "sms", "-c", file)
        assert (first.exit_code, first.output) == (0, "sms: 204 (taken)\n")
        assert (second.exit_code, second.output) == (1, "sms: 500\n")
        assert [message.verified(SECRET)["type"] for message in there.got] == ["webhook.test"] * 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--receiver", "smms"), "there is no receiver 'smms' in the configuration (sms)"),
        (("test", "push"), "there is no receiver 'push' in the configuration (sms)"),
        (("retry",), "say which"),
        (("retry", "msg_1", "--all"), "say which"),
        (("retry", "msg_404"), "there is no message 'msg_404'"),
    ],
)
async def test_mistakes_are_said_in_words(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    result = await run(*words, "-c", config(tmp_path))
    assert isinstance(result.exception, KinbridgeError)
    assert said in str(result.exception)


async def test_an_empty_list_says_so(tmp_path: Path) -> None:
    assert (await run("list", "-c", config(tmp_path))).output == "no messages\n"
