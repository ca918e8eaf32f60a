"""Every answer has a JSON Schema, which its real JSON satisfies."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import jsonschema
import msgspec
import pytest

from mocha_actors.stats.answers import ANSWERS, answer
from mocha_actors.stats.questions import RangeQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import Answer
from mocha_actors.stats.schema import FOLDER, answer_types, schema_of, text_of
from tests.stats.oracle import GUILD, Sent
from tests.stats.world import BEGIN, GENERAL, THREAD, Moved, Online, Reacted, Spoken, World, at, key, opened

WORLD = World(
    messages=[
        Sent(GUILD, key(5, 1), GENERAL, 1, 0, 0, deleted=False),
        Sent(GUILD, key(70, 2), THREAD, 2, 0, 0, deleted=True),
    ],
    voice=[
        Spoken(key(10, 1), 1, GENERAL, 10, 50, 0, key(10, 1), 1, 5),
        Spoken(key(90, 2), 2, GENERAL, 90, None, 1, key(90, 2), 1, 0),
    ],
    reactions=[Reacted(key(20, 1), 20, 1, 2, GENERAL, "=1", 1, 0)],
    moves=[Moved(3, 1, 0, 0), Moved(4, 2, 1, 900)],
    counts={1: 10},
    online=[Online(key(2, 1), 1, 1, 2, 30)],
    standing=[(key(5, 1), 2, "x")],
    ignores=set(),
    closed={},
    alive=100,
)

DAY = Range(BEGIN, at(120))


def asked(kind: type[RangeQuestion]) -> Any:
    """An answer with entries."""
    own = {field: 1 for field in ("user_id", "channel_id") if field in kind.__struct_fields__}
    own |= {"channel_id": GENERAL} if "channel_id" in own else {}
    with closing(opened(WORLD)) as connection:
        return answer(connection, kind(guild_id=GUILD, range=DAY, **own))


@pytest.mark.parametrize("kind", answer_types(), ids=lambda kind: kind.__name__)
def test_the_file_of_a_schema_is_that_of_its_type(kind: type[Answer]) -> None:
    """``python -m mocha_actors.stats.schema`` writes them anew."""
    assert (FOLDER / f"{kind.__name__}.json").read_text(encoding="utf-8") == text_of(kind)


def test_there_is_no_schema_of_an_answer_that_is_none() -> None:
    """What was renamed leaves nothing behind."""
    assert {path.stem for path in FOLDER.glob("*.json")} == {kind.__name__ for kind in answer_types()}


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_real_answers_satisfy_their_schema(kind: type[RangeQuestion]) -> None:
    """As printed by --json; and the schema refuses a field that is missing."""
    result = asked(kind)
    shown = json.loads(msgspec.json.encode(result.to_builtins()))
    schema = schema_of(type(result))

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(shown, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({name: value for name, value in shown.items() if name != "coverage"}, schema)


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_no_identifier_is_a_number_in_a_schema(kind: type[RangeQuestion]) -> None:
    """2^53 + 1 would lose its last digit."""
    shown = asked(kind).to_builtins()

    assert numbers_that_are_ids(shown) == []


def numbers_that_are_ids(value: Any, name: str = "") -> list[str]:
    """Names of fields that end with ``_id`` and hold a number."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in numbers_that_are_ids(item, key)]
    if isinstance(value, list):
        return [found for item in value for found in numbers_that_are_ids(item, name)]
    return [name] if name.endswith("_id") and isinstance(value, int) else []
