"""The demonstration's facility: the demo dialplan, a configuration on free ports, and funded accounts.

terminal-1 calls the number of family-1, paid by the account family-1, and so on up to four.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import yaml
from pydantic import SecretStr

from gateway.billing.accounting import Accounting
from gateway.config import (
    Config,
    HttpConfig,
    LimitsConfig,
    MediaConfig,
    MqttConfig,
    SipConfig,
    StoreConfig,
    TrunkConfig,
)
from gateway.desk import load_policy
from gateway.money import MICROS_PER_UNIT, Money

DIALPLANS = Path(__file__).parents[2] / "dialplans"
_TARIFFS = DIALPLANS / "tariffs" / "demo.yaml"
_TARIFF = "demo-video"


@dataclass(frozen=True, slots=True)
class Pair:
    """Who calls whom."""

    station: str
    contact: str
    account: str
    number: str


@dataclass(frozen=True, slots=True)
class Price:
    """What the tariff document says, read without the gateway's billing: the charge is computed with it again."""

    per_minute: Fraction
    step: Fraction
    currency: str

    @classmethod
    def read(cls) -> Price:
        """A demonstration tariff has one version, whole seconds, no fee, and is rounded down."""
        entries = yaml.safe_load(_TARIFFS.read_text(encoding="utf-8"))["tariffs"]
        (entry,) = (each for each in entries if each["id"] == _TARIFF)
        if entry["increment_s"] != 1 or entry["rounding"]["mode"] != "down" or "connection_fee" in entry:
            raise ValueError(f"{_TARIFFS}: this check knows only whole seconds, rounded down, without a fee")
        return cls(Fraction(entry["per_minute"]), Fraction(entry["rounding"]["to"]), entry["currency"])

    def of(self, seconds: int) -> Money:
        """Tariff x seconds."""
        steps = self.per_minute * seconds / 60 / self.step
        return Money(int(steps // 1 * self.step * MICROS_PER_UNIT), self.currency)

    def paying_for(self, seconds: int) -> Money:
        """The smallest balance that pays for so many seconds."""
        return Money(ceil(self.per_minute * seconds / 60 * MICROS_PER_UNIT), self.currency)


def demo_config(folder: Path, *, http_port: int = 0, transcode: bool = False, warning_s: int = 60) -> Config:
    """A node on this machine alone; every port but the page's is of the system's choice."""
    return Config(
        node="demo",
        dialplan=str(DIALPLANS / "demo.yaml"),
        tariffs=(str(_TARIFFS),),
        caps=(str(DIALPLANS / "caps" / "us-fcc.yaml"),),
        http=HttpConfig(
            port=http_port,
            staff_token=SecretStr(secrets.token_urlsafe(24)),
            link_secret=SecretStr(secrets.token_urlsafe(24)),
        ),
        sip=SipConfig(port=0, trunks=(TrunkConfig(name="demo", sources=("127.0.0.0/8",)),)),
        media=MediaConfig(prefer_transcode=transcode, rtp_timeout_s=8, sheds_load=False),  # it counts every picture
        store=StoreConfig(url=f"sqlite:///{folder.resolve()}/kinbridge.db"),
        mqtt=MqttConfig(embedded_port=0),
        limits=LimitsConfig(warning_s=warning_s, reconnect_s=5, drain_s=5),
    )


def pairs(config: Config, count: int) -> list[Pair]:
    dialplan, _ = load_policy(config)
    contacts = {each.id: each for each in dialplan.numbers.values()}
    chosen = [contacts[f"family-{index}"] for index in range(1, count + 1)]
    return [Pair(f"terminal-{index}", each.id, each.account, each.number) for index, each in enumerate(chosen, start=1)]


async def fund(accounting: Accounting, pair: Pair, amount: Money, key: str) -> None:
    """Opens the account if need be and pays in, once for each key."""
    await accounting.open_account(pair.account, amount.currency)
    await accounting.deposit(pair.account, amount, key)
