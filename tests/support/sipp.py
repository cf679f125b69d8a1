"""SIPp as the far side of a call: one scenario file, one call, on free ports.

sipp = Sipp("hold", tmp_path, remote_port=5060)
async with asyncio.TaskGroup() as group:
    group.create_task(sipp.run())      # fails with the trace of all messages
    ...
"""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.baresip import free_port

SCENARIOS = Path(__file__).parent.parent / "sip" / "scenarios"
HOST = "127.0.0.1"


@dataclass(slots=True)
class Sipp:
    """remote_port 0: it waits for a request. transport: u1, t1 or l1 (TLS) as SIPp names them.

    scenarios: the folder of the scenario's file.
    """

    scenario: str
    folder: Path
    remote_port: int = 0
    transport: str = "u1"
    host: str = HOST
    timeout_s: int = 15
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    scenarios: Path = SCENARIOS

    async def run(self) -> str:
        """Plays the scenario to its end and returns the trace; an AssertionError holds the trace otherwise."""
        self.folder.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
        )
        try:
            async with asyncio.timeout(self.timeout_s + 5):
                _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise AssertionError(f"SIPp {self.scenario}: exit {process.returncode}\n{errors.decode()}\n{self.trace()}")
        return self.trace()

    def trace(self) -> str:
        """Every message so far, both ways, with SIPp's own remarks."""
        texts = [
            each.read_text(errors="replace") for each in (self._file("messages"), self._file("errors")) if each.exists()
        ]
        return "\n".join(texts).replace("\r", "")

    def _file(self, kind: str) -> Path:
        return self.folder / f"{self.scenario}-{self.port}-{kind}.log"

    def _command(self) -> list[str]:
        remote = [f"{HOST}:{self.remote_port}"] if self.remote_port else []
        return [
            "sipp",
            *remote,
            *("-sf", str(self.scenarios / f"{self.scenario}.xml")),
            *("-i", self.host, "-p", str(self.port), "-t", self.transport, "-s", "1001"),
            *("-m", "1", "-timeout", f"{self.timeout_s}s", "-timeout_error", "-nostdin"),
            *("-trace_msg", "-message_file", str(self._file("messages"))),
            *("-trace_err", "-error_file", str(self._file("errors"))),
            *self.arguments,
        ]
