"""The configuration file: what it accepts, and how it says what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mocha_actors.config import Config, Secret, load, load_token, parse, reference
from mocha_actors.errors import ConfigError

CONFIGURATIONS = sorted((Path(__file__).parent.parent / "config").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_every_example_configuration_loads_as_it_is(path: Path) -> None:
    """Each file under config/ is accepted without a change."""
    assert isinstance(load(path, environ={}), Config)


def test_the_reference_configuration_lists_every_option_and_changes_nothing() -> None:
    """config/reference.toml is generated from the structs, and loading it gives the defaults."""
    path = next(path for path in CONFIGURATIONS if path.name == "reference.toml")

    assert reference() == path.read_text(encoding="utf-8")
    assert Config() == parse(reference(), "reference.toml")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[discrd]", ["my.toml", "discrd", "did you mean discord?"]),
        (
            "[discord]\nshard = 1",
            ["my.toml", "discord.shard", "unknown key", "did you mean discord.shards?", "token_env"],
        ),
        ("[discord]\nshards = 'two'", ["my.toml", "discord.shards", "expected int", "'two'"]),
        ("[discord]\nshards = 0", ["my.toml", "discord.shards", ">= 1", "found 0"]),
        ("[discord]\ncompression = 'brotli'", ["my.toml", "discord.compression", "'none', 'zlib-stream'", "'brotli'"]),
        ("[discord]\nintents = ['GUILDS', 1]", ["my.toml", "discord.intents[1]", "expected str", "found 1"]),
        (
            "[discord]\napi_url = 'http://discord.com'",
            ["discord.api_url", "https://", "loopback", "'http://discord.com'"],
        ),
        (
            "[discord]\ngateway_url = 'ws://127.evil.example'",
            ["discord.gateway_url", "wss://", "'ws://127.evil.example'"],
        ),
        ("[discord]\ngateway_url = 'nonsense'", ["discord.gateway_url", "wss://", "'nonsense'"]),
        (
            "[supervision]\nbackoff_base_s = 10.0\nbackoff_cap_s = 1.0",
            ["my.toml", "supervision.backoff_cap_s", "at least backoff_base_s (10)", "found 1"],
        ),
        ("[simulator]\nrate = inf", ["my.toml", "simulator.rate", "<= 20000", "found inf"]),
        ("discord = 1", ["my.toml", "discord", "[section]", "found 1"]),
        ("[discord", ["my.toml", "not valid TOML", "table declaration"]),
    ],
)
def test_a_wrong_configuration_is_one_line_with_file_path_found_and_allowed(text: str, parts: list[str]) -> None:
    """Whatever is wrong, the error names the file, the key, what was found and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "my.toml")

    message = str(caught.value)
    assert [] == [part for part in parts if part not in message]
    assert "\n" not in message


@pytest.mark.parametrize("url", ["ws://127.0.0.1:8080", "ws://localhost", "ws://[::1]:1/", "wss://gateway.discord.gg"])
def test_unencrypted_addresses_are_accepted_for_the_loopback_only(url: str) -> None:
    """The token never travels in the clear to another machine."""
    assert url == parse(f"[discord]\ngateway_url = '{url}'", "my.toml").discord.gateway_url


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file and a file that is no text are errors that name the file."""
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match=r"missing\.toml: cannot read the configuration: No such file"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match=r"binary\.toml.*not UTF-8"):
        load(binary)


def test_environment_variables_override_single_options() -> None:
    """MOCHA_SECTION__KEY wins over the file; a string option takes the value as it stands."""
    environ = {
        "MOCHA_DATABASE__BATCH_MS": "7",
        "MOCHA_DATABASE__URL": "sqlite:///x.db",
        "MOCHA_LOGGING__FILE": "true",
        "HOME": "/",
    }

    config = parse("[database]\nbatch_ms = 5", "my.toml", environ)

    assert (7, "sqlite:///x.db", "true") == (config.database.batch_ms, config.database.url, config.logging.file)


@pytest.mark.parametrize(
    ("name", "value", "pattern"),
    [
        ("MOCHA_DATABASE__URLS", "x", r"MOCHA_DATABASE__URLS: unknown option database\.urls \(allowed: url, "),
        ("MOCHA_DATABASE", "x", r"MOCHA_DATABASE: a section is no option; set MOCHA_DATABASE__KEY"),
        ("MOCHA_DATABSE__URL", "x", r"MOCHA_DATABSE__URL: unknown option databse\.url \(allowed: sections discord, "),
        ("MOCHA_DATABASE__BATCH_MS", "soon", r"MOCHA_DATABASE__BATCH_MS: database\.batch_ms: expected int.*'soon'"),
    ],
)
def test_a_wrong_override_names_the_environment_variable(name: str, value: str, pattern: str) -> None:
    """A typing error in a variable's name or value is refused and not ignored."""
    with pytest.raises(ConfigError, match=pattern):
        parse("", "my.toml", {name: value})


def test_the_token_comes_from_the_file_or_the_variable_and_never_shows_itself(tmp_path: Path) -> None:
    """A token file wins over the variable, the prefix `Bot ` is taken off, and neither repr nor str reveals the token."""
    file = tmp_path / "token"
    file.write_text("Bot from.file\n")
    by_file = parse(f"[discord]\ntoken_file = '{file}'", "my.toml").discord

    token = load_token(by_file, {"DISCORD_TOKEN": "from.variable"})

    assert Secret("from.file") == token
    assert "from.variable" == load_token(Config().discord, {"DISCORD_TOKEN": "from.variable"}).reveal()
    assert ["<secret>", "<secret>"] == [repr(token), str(token)]


@pytest.mark.parametrize(
    ("environ", "pattern"),
    [
        ({}, r"DISCORD_TOKEN \(discord\.token_env\) is not set; put the token there"),
        ({"DISCORD_TOKEN": "  "}, r"no bot token"),
        ({"DISCORD_TOKEN": "two words"}, r"white space"),
        ({"DISCORD_TOKEN": "tökén"}, r"a character that no token has"),
    ],
)
def test_a_missing_token_says_where_to_put_it(environ: dict[str, str], pattern: str) -> None:
    """Without a usable token the error names both places, and repeats nothing of what they hold."""
    with pytest.raises(ConfigError, match=pattern) as caught:
        load_token(Config().discord, environ)

    assert not any(value in str(caught.value) for value in environ.values() if value.strip())
    assert "ö" not in str(caught.value)


def test_a_password_in_the_address_of_the_database_is_not_in_the_repr() -> None:
    """A configuration may be logged as a whole (P9)."""
    config = parse("[database]\nurl = 'postgresql://mocha:hunter2@localhost/mocha'", "x")

    assert config.database.url.endswith("hunter2@localhost/mocha")
    assert "hunter2" not in repr(config)
