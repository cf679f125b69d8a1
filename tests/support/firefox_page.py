"""A tab of Debian's Firefox ESR, driven over WebDriver BiDi (Debian has no geckodriver).

async with FirefoxPage() as page:
    await page.goto(link)
    await page.evaluate("document.title")
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ifaddr

DRIVER = Path(__file__).parent / "firefox"


def is_ready() -> bool:
    """Whether `make setup` has installed the driver's one dependency."""
    return (DRIVER / "node_modules" / "puppeteer-core").is_dir()


def own_addresses() -> tuple[str, ...]:
    """IPv4 addresses of this machine that Firefox offers: never the loopback."""
    found = (each.ip for adapter in ifaddr.get_adapters() for each in adapter.ips if each.is_IPv4)
    return tuple(ip for ip in found if isinstance(ip, str) and not ip.startswith("127."))


class FirefoxPage:
    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self.version = ""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            "node", "driver.mjs", cwd=DRIVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self.version = (await self._read(60.0))["ready"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()  # the driver closes the browser and leaves
        try:
            await asyncio.wait_for(self._process.wait(), 15)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def goto(self, url: str) -> None:
        await self._ask({"goto": url})

    async def screenshot(self, path: Path) -> None:
        await self._ask({"screenshot": str(path)})

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        return await self._ask({"evaluate": expression})

    async def _ask(self, request: dict[str, str]) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()
        answer = await self._read(30.0)
        if "error" in answer:
            raise AssertionError(f"Firefox: {answer['error']}")
        return answer["value"]

    async def _read(self, timeout_s: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), timeout_s)
        if not line:
            raise AssertionError("the Firefox driver ended early; run it by hand to see why: node driver.mjs")
        answer: dict[str, Any] = json.loads(line)
        return answer
