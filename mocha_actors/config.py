"""The configuration file, as frozen typed structs: the one place for name, type, default and help of each option.

A configuration is TOML and strict. An unknown key, a wrong type or a value out of range is one line that names the file, the key path, what
was found and what is allowed; it is raised as :class:`~mocha_actors.errors.ConfigError` before anything is started. Environment variables
``MOCHA_SECTION__KEY`` override single options. The token never stands in the file: it comes from an environment variable or a file of its own.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from mocha_actors.errors import ConfigError

ENV_PREFIX: Final = "MOCHA_"
SUMMARY_LENGTH: Final = 60
"""Characters of a wrong value that an error repeats."""


class Secret:
    """A string that shows itself only when asked: its repr, its str and what a log makes of it are ``<secret>`` (promise P9)."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Hide ``value``."""
        self._value = value

    def reveal(self) -> str:
        """The string itself, for the one place that must send it."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the sections: frozen, by keyword, and refusing what it does not know."""


class DiscordSection(Section, frozen=True):
    """How to connect to Discord."""

    token_env: Annotated[str, Meta(description="environment variable that holds the bot token", min_length=1)] = (
        "DISCORD_TOKEN"  # noqa: S105  # the name of the variable, not the token
    )
    token_file: Annotated[str | None, Meta(description="file that holds the bot token; wins over token_env")] = None
    intents: Annotated[
        tuple[str, ...],
        Meta(
            description="gateway intents by Discord's names; the defaults are unprivileged; GUILD_PRESENCES, which is privileged, records who is online",
            min_length=1,
        ),
    ] = ("GUILDS", "GUILD_VOICE_STATES", "GUILD_MESSAGES")
    api_url: Annotated[str, Meta(description="REST address with version")] = "https://discord.com/api/v10"
    gateway_url: Annotated[str | None, Meta(description="gateway address, instead of the one that REST names")] = None
    shards: Annotated[
        Annotated[int, Meta(ge=1, le=1024)] | Literal["auto"],
        Meta(description='number of shards, all in this process; "auto" asks Discord at each start'),
    ] = 1
    compression: Annotated[Literal["none", "zlib-stream", "zstd-stream"], Meta(description="transport compression")] = (
        "zlib-stream"
    )
    large_threshold: Annotated[
        int, Meta(description="members above which GUILD_CREATE leaves out the offline ones", ge=50, le=250)
    ] = 250


class DatabaseSection(Section, frozen=True):
    """Where the numbers are kept."""

    url: Annotated[
        str,
        Meta(
            description="sqlite:///relative/path.db, sqlite:////absolute/path.db or postgresql://user@host:port/database; "
            "of a server the control socket is in the folder data, and a password is better in ~/.pgpass or MOCHA_DATABASE__URL"
        ),
    ] = "sqlite:///data/mocha.db"
    batch_events: Annotated[int, Meta(description="events that one transaction holds at most", ge=1, le=50_000)] = 5_000
    batch_ms: Annotated[
        int, Meta(description="milliseconds that a transaction waits for more events", ge=0, le=10_000)
    ] = 40
    spool_path: Annotated[
        str | None,
        Meta(description="file that is written while the database is away; beside the database when unset"),
    ] = None
    spool_bytes: Annotated[
        int, Meta(description="bytes that the spool may grow to; 0 is no spool: an outage is waited for", ge=0)
    ] = 256 << 20

    def __repr__(self) -> str:
        """Without the URL, which may hold a password (promise P9)."""
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "url")
        return f"{type(self).__name__}({', '.join(shown)})"


class StatsSection(Section, frozen=True):
    """How questions are answered."""

    reader_threads: Annotated[int, Meta(description="questions answered at the same time", ge=1, le=64)] = 2
    deadline_s: Annotated[float, Meta(description="seconds after which a question is interrupted", gt=0, le=3600)] = (
        30.0
    )
    timezone: Annotated[
        str, Meta(description="IANA name of the time zone of guilds that have none of their own", max_length=100)
    ] = "UTC"


class CacheSection(Section, frozen=True):
    """Answers that are kept until something they were read from changes. A size of 0 keeps none of that kind."""

    user_size: Annotated[int, Meta(description="answers about single users", ge=0, le=10_000_000)] = 10_000
    user_ttl_s: Annotated[float, Meta(description="seconds that one of them is kept at most", gt=0, le=86_400)] = 600.0
    guild_size: Annotated[int, Meta(description="answers about whole guilds", ge=0, le=10_000_000)] = 5_000
    guild_ttl_s: Annotated[float, Meta(description="seconds that one of them is kept at most", gt=0, le=86_400)] = 900.0
    leaderboard_size: Annotated[int, Meta(description="leaderboards and rankings, by page", ge=0, le=1_000_000)] = 1_000
    leaderboard_ttl_s: Annotated[
        float, Meta(description="seconds that one of them is kept at most", gt=0, le=86_400)
    ] = 900.0
    query_size: Annotated[int, Meta(description="all other answers", ge=0, le=10_000_000)] = 5_000
    query_ttl_s: Annotated[float, Meta(description="seconds that one of them is kept at most", gt=0, le=86_400)] = 600.0
    stale_s: Annotated[
        float, Meta(description="seconds that an answer about a range up to now may lag behind", ge=0, le=3600)
    ] = 5.0
    live_mb: Annotated[
        int,
        Meta(
            description="megabytes for live counters: sums by user of guilds whose leaderboards are asked again and again; 0 keeps none",
            ge=0,
        ),
    ] = 64
    memory_limit_mb: Annotated[
        int, Meta(description="memory of the whole process above which the caches shrink; 0 is no limit", ge=0)
    ] = 1024
    redis_url: Annotated[str | None, Meta(description="redis://host:6379/0 of a second level that processes share")] = (
        None
    )

    def __repr__(self) -> str:
        """Without the address of Redis, which may hold a password (promise P9)."""
        shown = ", ".join(
            f"{field.name}={getattr(self, field.name)!r}"
            for field in msgspec.structs.fields(self)
            if field.name != "redis_url"
        )
        return f"CacheSection({shown}, redis_url={'<secret>' if self.redis_url else None})"


Days = Annotated[int, Meta(ge=2, le=36_500)]
"""Whole days: at least two, so that the rollups of a day are complete before its raw rows go."""


class PrivacySection(Section, frozen=True):
    """What is recorded of people, and for how long: days of UTC; what has no limit is kept for ever."""

    anonymise: Annotated[
        bool,
        Meta(
            description="record keyed hashes instead of user ids, and no names; decide before the first run: what is recorded stays as it is"
        ),
    ] = False
    messages_days: Annotated[Days | None, Meta(description="days that single messages are kept; their sums stay")] = (
        None
    )
    voice_days: Annotated[
        Days | None, Meta(description="days that single voice intervals are kept; their sums stay")
    ] = None
    reactions_days: Annotated[Days | None, Meta(description="days that single reactions are kept; their sums stay")] = (
        None
    )
    presence_days: Annotated[
        Days | None, Meta(description="days that intervals of being online are kept; their sums stay")
    ] = None
    members_days: Annotated[
        Days | None, Meta(description="days that single joins and leaves are kept; their sums stay")
    ] = None
    hours_days: Annotated[
        Days | None, Meta(description="days that sums by the hour are kept; those by day and week stay")
    ] = None
    dead_letters_days: Annotated[int, Meta(description="days that dead letters are kept", ge=1, le=36_500)] = 30
    purge_left_guilds_after_days: Annotated[
        int, Meta(description="days after which all of a guild that removed the bot is deleted", ge=1, le=36_500)
    ] = 30


class SupervisionSection(Section, frozen=True):
    """When the tree restarts what failed, and when it gives up."""

    max_restarts: Annotated[int, Meta(description="restarts that a supervisor allows within max_seconds", ge=0)] = 10
    max_seconds: Annotated[float, Meta(description="the window of max_restarts, seconds", gt=0)] = 60.0
    backoff_base_s: Annotated[float, Meta(description="seconds before the first restart", gt=0)] = 0.2
    backoff_cap_s: Annotated[float, Meta(description="seconds that a restart waits at most", gt=0)] = 30.0
    drain_s: Annotated[float, Meta(description="seconds that a shutdown may take until the last commit", gt=0)] = 30.0


class LoggingSection(Section, frozen=True):
    """Structured logs."""

    format: Annotated[Literal["json", "console"], Meta(description="json for machines, console for people")] = "console"
    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="least level that is written")] = (
        "info"
    )
    file: Annotated[str | None, Meta(description="file that logs are appended to; standard error when unset")] = None


class SimulatorSection(Section, frozen=True):
    """A Discord of our own on the loopback, started beside the service."""

    seed: Annotated[int, Meta(description="the same seed makes the same guilds and the same traffic", ge=0)] = 1
    profile: Annotated[
        Literal["messages", "quiet", "community", "presence", "burst"],
        Meta(description="what happens: messages alone, a quiet server, a busy community, much presence, a burst"),
    ] = "community"
    rate: Annotated[
        Annotated[float, Meta(ge=0, le=20_000)] | Literal["profile"],
        Meta(
            description='events per second; 0 is as fast as the socket takes them; "profile" is as the profile has it'
        ),
    ] = "profile"
    members: Annotated[int, Meta(description="people in each guild, besides bots", ge=1, le=1_000_000)] = 60
    guilds: Annotated[int, Meta(description="guilds of the simulated bot", ge=1, le=2_500)] = 3
    past_days: Annotated[
        float,
        Meta(
            description="days that have happened already when the simulator starts for the first time", ge=0, le=3_650
        ),
    ] = 0.0
    past_messages: Annotated[int, Meta(description="messages of those days", ge=1, le=1_000_000)] = 10_000
    port: Annotated[int, Meta(description="port of both REST and gateway; 0 takes a free one", ge=0, le=65_535)] = 0
    ledger: Annotated[str, Meta(description="file that receives the truth about everything sent")] = (
        "data/demo/ledger.jsonl"
    )


class Config(Section, frozen=True):
    """The whole configuration. Sections that are left out have their defaults; without ``simulator`` none is started."""

    discord: DiscordSection = DiscordSection()
    database: DatabaseSection = DatabaseSection()
    cache: CacheSection = CacheSection()
    stats: StatsSection = StatsSection()
    privacy: PrivacySection = PrivacySection()
    supervision: SupervisionSection = SupervisionSection()
    logging: LoggingSection = LoggingSection()
    simulator: SimulatorSection | None = None


def load(path: str | os.PathLike[str], environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration at ``path``, with the overrides of ``environ``.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or says something that is not allowed.

    """
    source = os.fspath(path)
    return parse(_read(source, "configuration"), source, environ)


def parse(text: str, source: str, environ: Mapping[str, str] | None = None) -> Config:
    """Make a configuration of TOML ``text``; ``source`` names it in errors.

    Raises:
        ConfigError: as for :func:`load`.

    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{source}: not valid TOML: {error}"
        raise ConfigError(msg) from None
    _refuse_unknown(raw, Config, source, "")
    overrides = dict(_overrides(environ or {}))
    for name, value in overrides.items():
        _override(raw, name, value)
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), raw, source, overrides)) from None
    limits = config.supervision
    if limits.backoff_cap_s < limits.backoff_base_s:
        raise ConfigError(
            f"{source}: supervision.backoff_cap_s: expected at least backoff_base_s ({limits.backoff_base_s:g}), found {limits.backoff_cap_s:g}"
        )
    check_address(config.discord.api_url, f"{source}: discord.api_url", secure="https", plain="http")
    if config.discord.gateway_url is not None:
        check_address(config.discord.gateway_url, f"{source}: discord.gateway_url", secure="wss", plain="ws")
    return config


def check_address(url: str, where: str, *, secure: str, plain: str) -> None:
    """Refuse an address that the token must not be sent to: unencrypted ones are for the loopback only.

    Raises:
        ConfigError: ``url`` is no address of scheme ``secure``, nor of ``plain`` with a host of the loopback.

    """
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname or ""
    except ValueError:
        scheme = host = ""
    loopback = host in {"localhost", "::1"} or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
    if host and (scheme == secure or (scheme == plain and loopback)):
        return
    msg = f"{where}: expected an address {secure}://…, or {plain}://… of the loopback (127.0.0.1, localhost, ::1), found {url!r}"
    raise ConfigError(msg)


def load_token(section: DiscordSection, environ: Mapping[str, str] = os.environ) -> Secret:
    """The bot token, from the file or the environment variable that ``section`` names; a leading ``Bot `` is taken off.

    Raises:
        ConfigError: neither holds a token; the text names both places and nothing of what they hold.

    """
    if section.token_file is not None:
        token = _read(section.token_file, "discord.token_file").strip()
        where = f"discord.token_file ({section.token_file}) is empty"
    else:
        token = environ.get(section.token_env, "").strip()
        where = f"the environment variable {section.token_env} (discord.token_env) is not set"
    if not (bare := bare_token(token)).reveal():
        msg = f"no bot token: {where}; put the token there, or set discord.token_file to a file that holds it"
        raise ConfigError(msg)
    if not re.fullmatch(r"[!-~]+", bare.reveal()):
        raise ConfigError(
            "the bot token contains white space or a character that no token has; copy it anew from the developer portal"
        )
    return bare


def bare_token(token: str) -> Secret:
    """The token without a leading ``Bot ``: REST wants one there, and the gateway refuses a RESUME with it (api-docs #1209)."""
    return Secret(token.strip().removeprefix("Bot ").strip())


def reference() -> str:
    """Every option with its help, type and default, as the text of a configuration file that changes nothing."""
    return "\n".join(_reference_lines()).strip() + "\n"


def _reference_lines() -> Iterator[str]:
    yield "# Every option of Mocha with its default. A configuration names only what it changes."
    yield "# Environment variables override options: MOCHA_DATABASE__BATCH_MS=20 sets batch_ms in [database]."
    for name, section in _sections():
        optional = name == "simulator"
        yield ""
        yield f"# {(section.__doc__ or '').strip()}"
        yield f"#[{name}]  # leave it out to connect to Discord itself" if optional else f"[{name}]"
        for field in msgspec.structs.fields(section):
            note = _description(get_type_hints(section, include_extras=True)[field.encode_name])
            unset = field.default is None or optional
            value = '""' if field.default is None else _toml(field.default)
            yield f"{'# ' if unset else ''}{field.encode_name} = {value}  # {note}"


def _sections() -> Iterator[tuple[str, type[Section]]]:
    for name, hint in get_type_hints(Config).items():
        yield (
            name,
            next(kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and issubclass(kind, Section)),
        )


def _description(hint: Any) -> str:
    meta = next(extra for extra in get_args(hint) if isinstance(extra, Meta))
    choices = next((get_args(kind) for kind in get_args(hint) if get_origin(kind) is Literal), ())
    return f"{meta.description}" + (f" ({' | '.join(choices)})" if choices else "")


def _toml(value: object) -> str:
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return str(value)


def _read(source: str, what: str) -> str:
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        msg = f"{source}: cannot read the {what}: {reason}"
        raise ConfigError(msg) from None


def _refuse_unknown(raw: Mapping[str, object], kind: type[Section], source: str, path: str) -> None:
    sections = dict(_sections()) if kind is Config else {}
    allowed = [field.encode_name for field in msgspec.structs.fields(kind)]
    for key, value in raw.items():
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, n=1)
            hint = f"; did you mean {path}{near[0]}?" if near else ""
            msg = f"{source}: {path}{key}: unknown key{hint} (allowed: {', '.join(allowed)})"
            raise ConfigError(msg)
        if key in sections and isinstance(value, Mapping):
            _refuse_unknown(value, sections[key], source, f"{key}.")


def _overrides(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Environment variables that name an option; one that names none is refused, lest a typing error be ignored."""
    sections = dict(_sections())
    for name, value in sorted(environ.items()):
        if name.removeprefix(ENV_PREFIX).lower() in sections and name.startswith(ENV_PREFIX):
            raise ConfigError(f"environment variable {name}: a section is no option; set {name}__KEY")
        section, separator, key = name.removeprefix(ENV_PREFIX).lower().partition("__")
        if not (name.startswith(ENV_PREFIX) and separator):
            continue
        options = (
            [field.encode_name for field in msgspec.structs.fields(sections[section])] if section in sections else []
        )
        if key not in options:
            allowed = ", ".join(options) if options else f"sections {', '.join(sections)}"
            msg = f"environment variable {name}: unknown option {section}.{key} (allowed: {allowed})"
            raise ConfigError(msg)
        yield f"{section}.{key}", value


def _override(raw: dict[str, Any], name: str, value: str) -> None:
    """Set option ``name`` to ``value``: a string option takes it as it stands, any other as TOML."""
    section, key = name.split(".")
    parsed: object = value
    if str not in (kinds := get_args(_hint(section, key))) and not any(str in get_args(kind) for kind in kinds):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            parsed = tomllib.loads(f"value = {value}")["value"]
    raw.setdefault(section, {})[key] = parsed


def _hint(section: str, key: str) -> Any:
    kind = dict(_sections()).get(section)
    return get_type_hints(kind, include_extras=True).get(key) if kind else None


def _explain(error: str, raw: Mapping[str, Any], source: str, overrides: Mapping[str, str]) -> str:
    """Turn msgspec's sentence and JSON path into ours, and add the value that was found."""
    text, _, path = error.partition(" - at `$.")
    path = path.rstrip("`")
    value: Any = raw
    for key in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit():
            value = value[int(key)]
    found = f"{value!r}"
    shown = found if len(found) <= SUMMARY_LENGTH else found[:SUMMARY_LENGTH] + "…"
    where = f"environment variable {ENV_PREFIX}{path.replace('.', '__').upper()}" if path in overrides else source
    return f"{where}: {path}: {_allowed(text, path)}, found {shown}"


def _allowed(text: str, path: str) -> str:
    """What may stand at ``path``; the choices of an enumeration are named, which msgspec's message leaves out."""
    section, _, key = path.partition(".")
    kind = next(iter(get_args(_hint(section, key))), None)
    choices = ", ".join(
        repr(choice) for part in (kind, *get_args(kind)) if get_origin(part) is Literal for choice in get_args(part)
    )
    if get_origin(kind) is Literal:
        return f"expected one of {choices}"
    if choices and text.startswith(("Invalid enum value", "Expected `int | str`")):
        number = "a number" if any(get_args(part)[:1] == (float,) for part in get_args(kind)) else "int"
        return f"expected {number} or {choices}"
    return text[:1].lower() + text[1:].replace("`", "").replace("object", "a [section]")
