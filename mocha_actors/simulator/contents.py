"""What a bot says in a message, read from a form, and what Discord does not let it say.

Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits and
https://discord.com/developers/docs/resources/webhook#execute-webhook.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mocha_actors.simulator.component_rules import check_components, numbered
from mocha_actors.simulator.forms import File, Form
from mocha_actors.simulator.refusals import Faults, Path, Refusal

EPHEMERAL, LOADING, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 15
"""Flags: seen by one user alone, still being thought about, made of components alone."""

SETTABLE_FLAGS: Final = 1 << 2 | EPHEMERAL | 1 << 12 | COMPONENTS_V2
"""Flags that a bot may set, among them those that suppress embeds and notifications; others are passed over."""

MOST_CONTENT, MOST_EMBEDS, MOST_FIELDS, MOST_FILES = 2000, 10, 25, 10

MOST_EMBED_TEXT = 6000
"""Characters of all embeds of a message together."""

MOST_FILE_BYTES = 10 << 20

TEXTS: Final[dict[tuple[str, ...], int]] = {
    ("title",): 256, ("description",): 4096, ("footer", "text"): 2048, ("author", "name"): 256,
}  # fmt: skip
"""Longest texts of an embed, its fields aside."""

FIELD_TEXTS: Final = {"name": 256, "value": 1024}

URLS: Final[tuple[tuple[str, ...], ...]] = (("url",), ("image", "url"), ("thumbnail", "url"), ("author", "url"))

SCHEMES: Final = ("http://", "https://", "attachment://")


class Contents(NamedTuple):
    """What a form says of a message; None where it says nothing.

    Attributes:
        content: the text.
        embeds: rich contents.
        components: what can be used.
        attachments: what is told of the files, new ones and old ones.
        flags: Discord's flags of messages.
        files: the new files by their number.
    """

    content: str | None
    embeds: list[dict[str, Any]] | None
    components: list[dict[str, Any]] | None
    attachments: list[dict[str, Any]] | None
    flags: int
    files: dict[int, File]


def read_contents(form: Form, payload: object, path: Path = ()) -> Contents:
    """Read what a message is to say, from the part `payload` of a form that stands at `path`.

    Raises:
        Refusal: something is wrong with it.
    """
    faults = Faults()
    said = faults.mapping(path, payload)
    flags = said.get("flags") or 0
    faults.require(isinstance(flags, int), (*path, "flags"), "NUMBER_TYPE_COERCE", f'Value "{flags}" is not int.')
    flags = flags & SETTABLE_FLAGS if isinstance(flags, int) else 0
    content = _text(faults, (*path, "content"), said)
    embeds = _embeds(faults, (*path, "embeds"), said)
    components = _components(faults, (*path, "components"), said, v2=bool(flags & COMPONENTS_V2))
    if flags & COMPONENTS_V2:
        legacy = "The 'content', 'embeds', 'stickers' and 'poll' fields cannot be used when using MessageFlags.IS_COMPONENTS_V2"
        good = not content and not embeds
        faults.require(good, path, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", legacy)
    attachments = _attachments(faults, (*path, "attachments"), said)
    faults.check()
    _check_files(form.files)
    # Only what is known to be well formed can be filled in.
    embeds = None if embeds is None else [_as_sent(embed) for embed in embeds]
    components = None if components is None else numbered(components)
    return Contents(content, embeds, components, attachments, flags, form.files)


def _text(faults: Faults, path: Path, said: dict[str, Any]) -> str | None:
    if "content" not in said:
        return None
    content = said["content"] or ""
    return content if faults.text(path, content, 0, MOST_CONTENT) else ""


def _embeds(faults: Faults, path: Path, said: dict[str, Any]) -> list[dict[str, Any]] | None:
    if "embeds" not in said:
        return None
    embeds = [
        faults.mapping((*path, place), each)
        for place, each in enumerate(faults.items(path, said["embeds"] or [], MOST_EMBEDS))
    ]
    size = sum(_check_embed(faults, (*path, place), embed) for place, embed in enumerate(embeds))
    wrong = f"Embed size exceeds maximum size of {MOST_EMBED_TEXT}"
    faults.require(size <= MOST_EMBED_TEXT, path, "MAX_EMBED_SIZE_EXCEEDED", wrong)
    return embeds


def _as_sent(embed: dict[str, Any]) -> dict[str, Any]:
    """Describe an embed as Discord tells it: what was left out is filled in."""
    fields = [{"inline": False} | field for field in embed.get("fields") or []]
    return {"type": "rich"} | embed | ({"fields": fields} if fields else {})


def _check_embed(faults: Faults, path: Path, embed: dict[str, Any]) -> int:
    """Note what is wrong with an embed, and return the number of its characters."""
    size = 0
    for place, most in TEXTS.items():
        text = _at(embed, place)
        size += len(text) if text is not None and faults.text((*path, *place), text, 0, most) else 0
    for place in URLS:
        url = _at(embed, place)
        good = url is None or (isinstance(url, str) and url.startswith(SCHEMES))
        wrong = 'Scheme must be one of ("http", "https").'
        faults.require(good, (*path, *place), "URL_TYPE_INVALID_SCHEME", wrong)
    color = embed.get("color")
    good = color is None or (isinstance(color, int) and 0 <= color <= 0xFFFFFF)
    faults.require(good, (*path, "color"), "NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215.")
    shown = any(
        embed.get(name) for name in ("title", "description", "fields", "image", "thumbnail", "author", "footer")
    )
    faults.require(shown, (*path, "description"), "BASE_TYPE_REQUIRED", "This field is required")
    return size + _check_fields(faults, (*path, "fields"), embed.get("fields") or [])


def _check_fields(faults: Faults, path: Path, fields: object) -> int:
    size = 0
    for place, each in enumerate(faults.items(path, fields, MOST_FIELDS)):
        field = faults.mapping((*path, place), each)
        for name, most in FIELD_TEXTS.items():
            value = field.get(name)
            # Discord cuts white space off, and requires that something is left.
            good = faults.text(
                (*path, place, name), (value.strip() or None) if isinstance(value, str) else value, 1, most
            )
            size += len(field[name]) if good else 0
    return size


def _at(embed: dict[str, Any], place: tuple[str, ...]) -> Any:
    found: Any = embed
    for name in place:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _components(faults: Faults, path: Path, said: dict[str, Any], *, v2: bool) -> list[dict[str, Any]] | None:
    if "components" not in said:
        return None
    components = said["components"] or []
    check_components(faults, path, components, v2=v2)
    return components if isinstance(components, list) else []


def _attachments(faults: Faults, path: Path, said: dict[str, Any]) -> list[dict[str, Any]] | None:
    if said.get("attachments") is None:
        return None
    listed = faults.items(path, said["attachments"], MOST_FILES)
    told = [faults.mapping((*path, place), each) for place, each in enumerate(listed)]
    for place, each in enumerate(told):
        good = str(each.get("id", "")).isdecimal()
        faults.require(good, (*path, place, "id"), "NUMBER_TYPE_COERCE", f'Value "{each.get("id")}" is not snowflake.')
    return [each | {"id": int(each["id"])} for each in told if str(each.get("id", "")).isdecimal()]


def _check_files(files: dict[int, File]) -> None:
    if len(files) > MOST_FILES:
        raise Refusal(400, 30015, f"Maximum number of attachments reached ({MOST_FILES})")
    if any(len(file.data) > MOST_FILE_BYTES for file in files.values()):
        raise Refusal(413, 40005, "Request entity too large")
