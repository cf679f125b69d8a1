"""The gateway's configuration: one YAML document, every field with its default and meaning."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator

from bridge.types import MediaSettings
from gateway.config_access import AccessConfig
from gateway.config_booking import BookingConfig
from gateway.config_family import FamilyConfig
from gateway.config_people import PeopleConfig
from gateway.config_webhooks import WebhooksConfig
from gateway.documents import Document, DocumentError, Problem, load_with_source
from gateway.money import Money
from sip.types import SCANNERS, SipSettings, Strangers, TlsFiles, Transport, Trunk

Port = Annotated[int, Field(ge=0, le=65535)]
CodecName = Literal["PCMU", "PCMA", "G722", "H264", "VP8", "H263", "H263-1998", "H263-2000"]


class StaffRole(StrEnum):
    """What a member of staff may do beside reading live visits and records; docs/access.md has the table."""

    OFFICER = "officer"  # watch a visit, write to the family, end it; bookings
    SUPERVISOR = "supervisor"  # all of an officer; read people, and say whom a resident may reach
    INVESTIGATOR = "investigator"  # read people, and who changed or watched whom
    BILLING = "billing"  # read accounts, pay in, give back
    AUDITOR = "auditor"  # read who watched
    ADMINISTRATOR = "administrator"  # change the rules that visits go by
    PRIVILEGED = "privileged"  # see between whom a privileged visit is; nobody can see or hear into one


class StaffConfig(Document):
    """One member of staff. name: an id that the audit keeps, such as a badge number.

    The token stands in the environment variable `token_env`, or here as its SHA-256 in hexadecimal.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    token_env: str = ""
    token_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    roles: tuple[StaffRole, ...] = (StaffRole.OFFICER,)

    @model_validator(mode="after")
    def _one_token(self) -> StaffConfig:
        if bool(self.token_env) == bool(self.token_sha256):
            raise ValueError("write either token_env, the name of an environment variable, or token_sha256")
        return self


class HttpConfig(Document):
    """The family page and the API. `public_url` is what links say; empty: http://host:port.

    staff: people with tokens of their own. staff_token: one with every right, which the audit calls `staff`.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str = ""
    staff_token: SecretStr = SecretStr("")
    staff: tuple[StaffConfig, ...] = ()
    link_secret: SecretStr = SecretStr("")


class TrunkConfig(Document):
    """A PBX, SBC or carrier. See sip.types.Trunk for the meaning of each field."""

    name: str
    sources: tuple[str, ...] = ()
    server: str = ""
    transport: Transport = Transport.UDP
    username: str = ""
    password: SecretStr = SecretStr("")
    register_: Annotated[bool, Field(alias="register")] = False
    register_expires_s: Annotated[int, Field(ge=30, le=86400)] = 300
    from_user: str = "kinbridge"
    trusted_identity: bool = False
    invites_per_s: Annotated[float, Field(gt=0, le=10_000)] = 100.0
    max_calls: Annotated[int, Field(ge=1, le=100_000)] | None = None
    calls_per_s: Annotated[int, Field(ge=1, le=10_000)] | None = None
    codecs: tuple[CodecName, ...] = ()

    @field_validator("codecs")
    @classmethod
    def _with_sound(cls, codecs: tuple[CodecName, ...]) -> tuple[CodecName, ...]:
        if codecs and not {"PCMU", "PCMA", "G722"} & set(codecs):
            raise ValueError("there is none for sound among them; add for instance PCMU")
        return codecs

    @field_validator("sources")
    @classmethod
    def _networks(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        for each in sources:
            try:
                ipaddress.ip_network(each, strict=False)
            except ValueError:
                raise ValueError(f"{each!r} is no address or CIDR block; write 10.1.2.3 or 10.1.2.0/24") from None
        return sources


class TlsConfig(Document):
    certificate: str
    private_key: str
    ca: str = ""


class SipConfig(Document):
    """Signalling. Agent k listens on `port + 2 * k`.

    strangers: what a request from an address of no trunk gets. scanners: words in the User-Agent of programs that get
    the same, wherever they call from. source_requests_per_s: from one address of a trunk, outside of calls. three_way:
    keys that bring a third party in at the facility's PBX, `!` for a hook flash; a visit in which they are pressed is
    reported.
    """

    host: str = "127.0.0.1"
    port: Port = 5060
    public_host: str = ""
    transports: tuple[Transport, ...] = (Transport.UDP, Transport.TCP)
    agents: Annotated[int, Field(ge=1, le=64)] = 1
    calls_per_agent: Annotated[int, Field(ge=1, le=4)] = 4
    session_expires_s: Annotated[int, Field(ge=90)] = 1800
    tls: TlsConfig | None = None
    strangers: Strangers = Strangers.FORBIDDEN
    scanners: tuple[Annotated[str, Field(min_length=3)], ...] = SCANNERS
    source_requests_per_s: Annotated[float, Field(gt=0, le=10_000)] = 200.0
    three_way: tuple[Annotated[str, Field(pattern=r"^[0-9*#A-D!]{1,16}$")], ...] = ("!",)
    trunks: tuple[TrunkConfig, ...] = ()


class MediaConfig(Document):
    """The media plane; see bridge.types.MediaSettings for the meaning of each field."""

    host: str = "127.0.0.1"
    advertised: str = ""
    sip_ports: tuple[Port, Port] = (0, 0)
    web_ports: tuple[Port, Port] = (0, 0)
    web_port: Port | None = 0
    ice_servers: tuple[str, ...] = ()
    web_connect_timeout_s: Annotated[float, Field(gt=0)] = 15.0
    rtp_timeout_s: Annotated[float, Field(gt=0)] = 20.0
    follow_after_s: Annotated[float, Field(ge=0)] = 1.0
    video_max_bps: Annotated[int, Field(ge=50_000)] = 1_500_000
    codec_workers: Annotated[int, Field(ge=1, le=64)] = 2
    languages: Annotated[tuple[Literal["en", "es"], ...], Field(min_length=1)] = ("en",)
    prompts: str = ""
    sheds_load: bool = True
    prefer_transcode: bool = False


class StoreConfig(Document):
    """SQLAlchemy URL. A relative SQLite path is relative to the configuration's folder.

    answer_within_s: a PostgreSQL server that takes longer for one statement is treated as away.
    """

    url: str = "sqlite:///kinbridge.db"
    answer_within_s: Annotated[float, Field(ge=1, le=600)] = 10.0


class MeterConfig(Document):
    """Which time is charged beside that in which sound and pictures go both ways. As shipped: none.

    held: the station holds. reconnecting: the family's browser is lost. interrupted: one-way, or frozen.
    """

    held: bool = False
    reconnecting: bool = False
    interrupted: bool = False


class BillingConfig(Document):
    """How accounts are run; docs/accounts.md. Amounts are text, in units of the account's own currency.

    slice_s: the hold of a visit grows by so many seconds at a time. least_slice_s: what each visit still gets when
    several share what is left. deposit_max: the most that one deposit may be. low_balance: below it a notice is due,
    unless the account has a mark of its own; "0": never. hold_expires_s: a visit that gave no sign of life for so long
    is closed, whichever node had it. inactive_days: when an account counts as inactive. credit_unusable_percent: a
    visit of whose time with media so much was not usable costs nothing, if it had credit_at_most_s usable seconds or
    less; 0: never. meter: what counts as usable.
    """

    slice_s: Annotated[int, Field(ge=10, le=86_400)] = 60
    least_slice_s: Annotated[int, Field(ge=5, le=86_400)] = 10
    deposit_max: str = "1000.00"
    low_balance: str = "5.00"
    hold_expires_s: Annotated[float, Field(ge=60)] = 900.0
    inactive_days: Annotated[int, Field(ge=1)] = 180
    credit_unusable_percent: Annotated[int, Field(ge=0, le=100)] = 50
    credit_at_most_s: Annotated[int, Field(ge=0)] = 300
    meter: MeterConfig = MeterConfig()

    @field_validator("deposit_max", "low_balance", mode="before")
    @classmethod
    def _amount(cls, text: object) -> str:
        if type(text) is int:
            text = str(text)
        if not isinstance(text, str):
            raise ValueError(f'write the amount as text, "{text}", so that not a digit is lost')  # noqa: TRY004 - pydantic turns only ValueError into a problem
        if Money.parse(text, "XXX").micros < 0:
            raise ValueError(f"{text} is below zero")
        return text


class RecordingConfig(Document):
    """Where recordings lie, and the file of the keys that wrap theirs; see docs/recording.md.

    purge_hourly: the gateway deletes what is past its time by itself; else `kinbridge recording purge` does.
    """

    folder: str = "recordings"
    keys: str = "recording.keys"
    purge_hourly: bool = False


class ExportConfig(Document):
    """Records that are put into a folder by the clock; docs/exports.md.

    at: a time of the day in `timezone`; or every_min: minutes, counted from midnight UTC. One of the two.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    format: Literal["csv", "jsonl", "parquet", "asterisk"] = "csv"
    folder: str
    at: Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")] = ""
    timezone: str = "UTC"
    every_min: Annotated[int, Field(ge=0, le=1440)] = 0
    facility: str = ""
    trunk: str = ""
    account: str = ""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is no IANA time zone; write for instance America/Chicago")
        return name

    @model_validator(mode="after")
    def _one_time(self) -> ExportConfig:
        if bool(self.at) == bool(self.every_min):
            raise ValueError('write either at: "02:30", with a timezone, or every_min: 60')
        return self


class MqttConfig(Document):
    """Events. url empty: the in-process broker, listening on `embedded_port` (0: the system chooses)."""

    url: str = ""
    embedded_host: str = "127.0.0.1"
    embedded_port: Port = 1883
    topic_root: str = "kinbridge"


class LimitsConfig(Document):
    """connect_timeout_s: from the family's accept to media both ways. reconnect_s: how long a lost browser may take.

    max_watchers: officers who watch on this node at once.
    """

    connect_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    reconnect_s: Annotated[float, Field(gt=0)] = 30.0
    ring_timeout_s: Annotated[float, Field(gt=0)] = 45.0
    drain_s: Annotated[float, Field(ge=0)] = 30.0
    warning_s: Annotated[int, Field(ge=0)] = 60
    proof_of_life_s: Annotated[float, Field(gt=0)] = 1.0
    max_visits: Annotated[int, Field(ge=1)] = 40
    max_watchers: Annotated[int, Field(ge=0)] = 20
    max_watchers_a_visit: Annotated[int, Field(ge=0)] = 4


class Config(Document):
    """The whole document."""

    node: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] = "node1"
    http: HttpConfig = HttpConfig()
    sip: SipConfig = SipConfig()
    media: MediaConfig = MediaConfig()
    store: StoreConfig = StoreConfig()
    recording: RecordingConfig | None = None
    mqtt: MqttConfig = MqttConfig()
    limits: LimitsConfig = LimitsConfig()
    billing: BillingConfig = BillingConfig()
    dialplan: str
    tariffs: tuple[str, ...]
    caps: tuple[str, ...] = ()
    exports: tuple[ExportConfig, ...] = ()
    webhooks: WebhooksConfig = WebhooksConfig()
    people: PeopleConfig = PeopleConfig()
    access: AccessConfig = AccessConfig()
    family: FamilyConfig = FamilyConfig()
    booking: BookingConfig = BookingConfig()

    def sip_settings(self) -> SipSettings:
        sip = self.sip
        return SipSettings(
            host=sip.host,
            port=sip.port,
            transports=sip.transports,
            public_host=sip.public_host,
            agents=sip.agents,
            calls_per_agent=sip.calls_per_agent,
            session_expires_s=sip.session_expires_s,
            tls=TlsFiles(sip.tls.certificate, sip.tls.private_key, sip.tls.ca) if sip.tls else None,
            strangers=sip.strangers,
            scanners=sip.scanners,
            source_requests_per_s=sip.source_requests_per_s,
            trunks=tuple(_trunk(each) for each in sip.trunks),
        )

    def media_settings(self) -> MediaSettings:
        return MediaSettings(**self.media.model_dump())


def _trunk(config: TrunkConfig) -> Trunk:
    return Trunk(
        name=config.name,
        sources=config.sources,
        server=config.server,
        transport=config.transport,
        username=config.username,
        password=config.password.get_secret_value(),
        register=config.register_,
        register_expires_s=config.register_expires_s,
        from_user=config.from_user,
        trusted_identity=config.trusted_identity,
        invites_per_s=config.invites_per_s,
        max_calls=config.max_calls,
        calls_per_s=config.calls_per_s,
        codecs=config.codecs,
    )


def load_config(path: Path) -> Config:
    """The configuration at `path`, with its own paths made absolute. Raises DocumentError."""
    config, source = load_with_source(path, Config)
    base = path.resolve().parent
    problems: list[Problem] = []
    names = [each.name for each in config.sip.trunks]
    for index, name in enumerate(names):
        if name in names[:index]:
            problems.append(source.problem(f"a trunk named {name!r} stands above", "sip", "trunks", index, "name"))
    staff = [each.name for each in config.http.staff]
    for index, name in enumerate(staff):
        if name in staff[:index] or name == "staff":
            problems.append(source.problem(f"the name {name!r} is taken already", "http", "staff", index, "name"))
    exports = [each.name for each in config.exports]
    for index, each in enumerate(config.exports):
        if each.name in exports[:index]:
            problems.append(source.problem(f"an export named {each.name!r} stands above", "exports", index, "name"))
        if not (base / each.folder).is_dir():
            problems.append(source.problem(f"there is no folder {each.folder!r}; make it", "exports", index, "folder"))
    problems += config.webhooks.problems(source, base)
    problems += config.booking.problems(source)
    paths = [("dialplan", config.dialplan)] + [("tariffs", each) for each in config.tariffs]
    paths += [("caps", each) for each in config.caps]
    for field, name in paths:
        if not (base / name).is_file():
            problems.append(source.problem(f"there is no file {name!r} beside the configuration", field))
    if problems:
        raise DocumentError(problems)
    return config.model_copy(
        update={
            "dialplan": str(base / config.dialplan),
            "tariffs": tuple(str(base / each) for each in config.tariffs),
            "caps": tuple(str(base / each) for each in config.caps),
            "exports": tuple(each.model_copy(update={"folder": str(base / each.folder)}) for each in config.exports),
            "store": config.store.model_copy(update={"url": _absolute_sqlite(config.store.url, base)}),
            "recording": _absolute_recording(config.recording, base),
            "webhooks": config.webhooks.beside(base),
        }
    )


def _absolute_recording(recording: RecordingConfig | None, base: Path) -> RecordingConfig | None:
    if recording is None:
        return None
    return RecordingConfig(folder=str(base / recording.folder), keys=str(base / recording.keys))


def _absolute_sqlite(url: str, base: Path) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url.startswith(prefix + "/") or url == "sqlite:///:memory:":
        return url
    return prefix + str(base / url.removeprefix(prefix))
