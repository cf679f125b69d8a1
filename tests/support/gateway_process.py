"""A whole gateway in its own process, on free ports and a database of its own, as a facility would run it.

async with GatewayProcess(tmp_path, balance="5.00") as gateway:
    ...                                   # call gateway.uri("5552368001"), open gateway.link("family-1")
    cdr = await gateway.cdr()
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from gateway.config import load_config
from gateway.desk import family_link, open_accounting
from gateway.money import Money
from tests.support.baresip import free_port
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
STAFF_TOKEN = "staff-token-of-the-test"
LINK_SECRET = "link-secret-of-the-test-link-secret"


class GatewayProcess:
    """`sections` are merged over the configuration: {"limits": {"ring_timeout_s": 2}}."""

    def __init__(
        self,
        folder: Path,
        *,
        balance: str = "10.00",
        sections: dict[str, dict[str, Any]] | None = None,
        dialplan: Path = ROOT / "dialplans" / "demo.yaml",
    ) -> None:
        self.folder = folder
        self.balance = balance
        self.sip_port = free_port(span=16)
        self.http_port = free_port()
        self.mqtt_port = free_port()
        self.dialplan = dialplan
        self.sections = sections or {}
        self.process: asyncio.subprocess.Process | None = None
        self.config = folder / "kinbridge.yaml"
        self._starts = 0

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_config()
        if self.balance:
            async with open_accounting(load_config(self.config)) as accounting:
                await accounting.open_account("family-1", "USD")
                await accounting.deposit("family-1", Money.parse(self.balance, "USD"), "first")
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if error is not None:
            sys.stderr.write(self.log()[-6000:])

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def uri(self, dialled: str, transport: str = "udp") -> str:
        return f"sip:{dialled}@127.0.0.1:{self.sip_port};transport={transport}"

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("gateway-*.log")))

    async def link(self, contact: str = "family-1", query: str = "") -> str:
        """The page of a contact, as `kinbridge link` prints it."""
        return family_link(load_config(self.config), contact) + query

    async def command(self, *words: str) -> str:
        """Runs `kinbridge ...` with this configuration and returns what it printed; a failure is an AssertionError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", *words, "--config", str(self.config),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        printed, complained = await asyncio.wait_for(process.communicate(), 60)
        if process.returncode != 0:
            raise AssertionError(f"kinbridge {' '.join(words)}: {complained.decode()}{printed.decode()}")
        return printed.decode()

    async def start(self) -> None:
        self._starts += 1
        log = (self.folder / f"gateway-{self._starts}.log").open("wb")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "serve", "--config", str(self.config),
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
            env=os.environ | {"KINBRIDGE_LOG_LEVEL": "DEBUG"}, start_new_session=True,
        )  # fmt: skip
        log.close()
        async with httpx.AsyncClient() as client:

            async def ready() -> bool:
                assert self.process is not None
                assert self.process.returncode is None, f"the gateway ended early:\n{self.log()[-3000:]}"
                with contextlib.suppress(httpx.TransportError):
                    return (await client.get(f"{self.base}/readyz")).status_code == 200
                return False

            await until(ready, "the gateway's readiness", 40)

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 45)
            except TimeoutError:
                await self.kill()
                raise AssertionError(f"the gateway did not stop on SIGTERM:\n{self.log()[-3000:]}") from None

    async def kill(self) -> None:
        """SIGKILL to the gateway alone: its agents must notice by themselves."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def get(self, path: str) -> Any:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {STAFF_TOKEN}"}) as client:
            response = await client.get(self.base + path)
            assert response.status_code == 200, response.text
            return response.json()

    async def visits(self) -> list[dict[str, Any]]:
        return _items(await self.get("/api/v1/visits"))

    async def cdrs(self) -> list[dict[str, Any]]:
        return _items(await self.get("/api/v1/cdrs?since=0&limit=100"))

    async def cdr(self, count: int = 1, timeout_s: float = 20.0) -> dict[str, Any]:
        """The newest CDR once there are `count` of them; more than that is an error."""

        async def enough() -> list[dict[str, Any]] | None:
            found = await self.cdrs()
            return found if len(found) >= count else None

        found = await until(enough, f"CDR {count}", timeout_s)
        assert found is not None
        assert len(found) == count, [each["reason"] for each in found]
        return found[-1]

    def _write_config(self) -> None:
        low = free_port(span=200)
        document: dict[str, Any] = {
            "node": "test1",
            "dialplan": str(self.dialplan),
            "tariffs": [str(ROOT / "dialplans" / "tariffs" / "demo.yaml")],
            "caps": [str(ROOT / "dialplans" / "caps" / "us-fcc.yaml")],
            "http": {"port": self.http_port, "staff_token": STAFF_TOKEN, "link_secret": LINK_SECRET},
            "sip": {"port": self.sip_port, "trunks": [{"name": "demo", "sources": ["127.0.0.0/8"]}]},
            "media": {"sip_ports": [low, low + 99], "web_ports": [low + 100, low + 199], "sheds_load": False},
            "store": {"url": f"sqlite:///{self.folder}/kinbridge.db"},
            "mqtt": {"embedded_port": self.mqtt_port},
            "limits": {"drain_s": 1},
        }
        for section, values in self.sections.items():
            document[section] = document.get(section, {}) | values
        self.config.write_text(yaml.safe_dump(document))


def _items(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["items"]
    return found
