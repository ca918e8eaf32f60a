"""What is shown to whoever gave a command, before either library makes an embed of it, and within Discord's limits.

Source: https://discord.com/developers/docs/resources/message#embed-object-embed-limits
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from mocha_actors.stats.results import Answer

TITLE: Final = 256
DESCRIPTION: Final = 4096
FIELDS: Final = 25
FIELD_NAME: Final = 256
FIELD_VALUE: Final = 1024
FOOTER: Final = 2048
WHOLE: Final = 6000
NAME: Final = 40
"""Characters of a name that are shown; one of Discord's has at most 32, a channel's 100."""

JOINER: Final = "\N{ZERO WIDTH JOINER}"
"""Holds the parts of an emoji together; everything else that is invisible could forge what is shown."""

MARKS: Final = re.compile(r"([\\*_~`|<>\[\]()#:@])")
"""What makes Markdown, a mention, an emoji or a link out of a name; Discord shows what follows a backslash as it is."""


@dataclass(frozen=True, slots=True)
class Field:
    """A number with its name."""

    name: str
    value: str
    inline: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture that can be drawn.

    Attributes:
        answer: of what.
        title: what stands above it.
        place: the server's name.

    """

    answer: Answer
    title: str
    place: str


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that is sent along."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Button:
    """A button below.

    Attributes:
        label: what stands on it.
        custom_id: how it is known when it is pressed.
        dangerous: it does what cannot be undone.

    """

    label: str
    custom_id: str
    dangerous: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What is shown. Texts but for the footer are Markdown; what comes from strangers was made harmless by :func:`plain`."""

    title: str
    description: str = ""
    fields: tuple[Field, ...] = ()
    footer: str = ""
    chart: Chart | None = None
    attached: Attached | None = None
    buttons: tuple[Button, ...] = ()


def plain(text: str, length: int = NAME) -> str:
    """A stranger's text that shows as it is: no Markdown, mention or link, on one line, and nothing invisible."""
    visible = "".join(each for each in " ".join(text.split()) if each.isprintable() or each == JOINER)
    return MARKS.sub(r"\\\1", cut(visible, length))


def cut(text: str, length: int) -> str:
    """The beginning of a text that has too many characters, as Discord counts them at most: UTF-16 code units."""
    if units(text) <= length:
        return text
    kept = text.encode("utf-16-le")[: 2 * (length - 1)].decode("utf-16-le", errors="ignore")
    return f"{kept}…" if length > 0 else ""


def units(text: str) -> int:
    """How long a text is in UTF-16 code units: no less than in characters."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def lines_within(lines: Sequence[str], length: int) -> str:
    """As many whole lines as fit, and how many there are more."""
    kept = list(lines)
    while kept and units(_with_rest(kept, len(lines))) > length:
        kept.pop()
    return _with_rest(kept, len(lines))


def _with_rest(kept: Sequence[str], of: int) -> str:
    rest = [f"… and {of - len(kept):,} more"] if len(kept) < of else []
    return "\n".join([*kept, *rest])


def fitted(reply: Reply) -> Reply:
    """The reply within every limit; where all together are too long, the last fields go."""
    fields = tuple(
        Field(cut(each.name, FIELD_NAME), cut(each.value, FIELD_VALUE), each.inline) for each in reply.fields[:FIELDS]
    )
    reply = replace(
        reply,
        title=cut(reply.title, TITLE),
        description=cut(reply.description, DESCRIPTION),
        fields=fields,
        footer=cut(reply.footer, WHOLE - TITLE - DESCRIPTION),
    )
    while length_of(reply) > WHOLE:
        reply = replace(reply, fields=reply.fields[:-1])
    return reply


def length_of(reply: Reply) -> int:
    """What Discord's limit of a whole embed is about."""
    texts = [reply.title, reply.description, reply.footer, *(text for each in reply.fields for text in (each.name, each.value))]  # fmt: skip
    return sum(map(units, texts))
