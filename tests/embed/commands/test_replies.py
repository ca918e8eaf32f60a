"""Replies keep within Discord's limits, and what strangers wrote does nothing in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.embed.commands.replies import Field, Reply, cut, fitted, length_of, lines_within, plain, units

LONG = st.text(alphabet=st.sampled_from("a*😀\n"), max_size=20).flatmap(
    lambda text: st.integers(0, 1_500).map(lambda times: text * times)
)


@given(
    title=LONG, description=LONG, footer=LONG,
    fields=st.lists(st.tuples(LONG, LONG).map(lambda pair: Field(*pair)), max_size=30).map(tuple),
)  # fmt: skip
def test_whatever_is_told_fits_into_an_embed(
    title: str, description: str, footer: str, fields: tuple[Field, ...]
) -> None:
    """Each text, the number of fields, and all of it together; in UTF-16 units, of which there are never fewer than characters."""
    reply = fitted(Reply(title, description, fields, footer))

    assert units(reply.title) <= 256
    assert units(reply.description) <= 4096
    assert units(reply.footer) <= 2048
    assert len(reply.fields) <= 25
    assert all(units(each.name) <= 256 and units(each.value) <= 1024 for each in reply.fields)
    assert length_of(reply) <= 6000


def test_what_fits_is_left_as_it_is() -> None:
    """Limits cut nothing that keeps them, to the last character."""
    reply = Reply("t" * 256, "d" * 4096, (Field("n" * 256, "v" * 1024),), "f" * (6000 - 256 - 4096 - 256 - 1024))

    assert fitted(reply) == reply


@given(st.text())
def test_a_name_is_text_on_one_line(name: str) -> None:
    """Without its backslashes it holds no mark that is not escaped, and is no longer than a line has room for."""
    shown = plain(name)

    assert not re.search(r"[*_~`|<>\[\]()#:@\\]", re.sub(r"\\.", "", shown, flags=re.DOTALL))
    assert not re.search(r"[\n\r\x00-\x1f\u202e]", shown)
    assert units(re.sub(r"\\(.)", r"\1", shown)) <= 40


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("**Ada**", r"\*\*Ada\*\*"),
        ("@everyone", r"\@everyone"),
        ("<@1>", r"\<\@1\>"),
        ("[x](https://e.x)", r"\[x\]\(https\://e.x\)"),
        ("a\nb", "a b"),
        ("a\u202eb", "ab"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_markdown_mentions_and_links_in_a_name_show_as_they_are(name: str, shown: str) -> None:
    """Discord takes the backslash away; an emoji of several parts stays one."""
    assert plain(name) == shown


def test_an_emoji_is_never_cut_in_two() -> None:
    """It has two UTF-16 units, of which a half would be no text."""
    assert cut("a😀😀", 3) == "a…"
    assert cut("a😀😀", 4) == "a😀…"
    assert cut("a😀😀", 5) == "a😀😀"


def test_lines_that_do_not_fit_are_counted() -> None:
    """Whole lines only."""
    assert lines_within(["one", "two"], 7) == "one\ntwo"
    assert lines_within(["one", "two", "three" * 5], 19) == "one\n… and 2 more"
