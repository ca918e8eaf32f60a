"""JSON Schemas of the answers, generated from their types: one file per answer in the folder ``schemas`` beside this module.

``python -m mocha_actors.stats.schema`` writes them anew. Identifiers are strings there, as in every JSON of Mocha (rule 30).
"""

from __future__ import annotations

from inspect import getdoc
from pathlib import Path
from typing import Any, Final

import msgspec

from mocha_actors.stats.results import Answer

FOLDER: Final = Path(__file__).with_name("schemas")

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

IDENTIFIER: Final = {"type": "string", "pattern": "^[0-9]{1,20}$"}


def answer_types() -> list[type[Answer]]:
    """Every kind of answer, by name."""
    return sorted(Answer.__subclasses__(), key=lambda kind: kind.__name__)


def schema_of(kind: type[Answer]) -> dict[str, Any]:
    """The JSON Schema of what ``kind.to_builtins`` gives; descriptions are those of the docstrings."""
    (top,), parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    name = top["$ref"].rpartition("/")[2]
    schemas = {key: _with_text_ids(part) for key, part in parts.items()}
    whole = schemas.pop(name)
    return {"$schema": DIALECT, **whole, "description": summary(kind), "$defs": schemas}


def summary(kind: type[Answer]) -> str:
    """The first sentence of a docstring."""
    return (getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")


def text_of(kind: type[Answer]) -> str:
    """The file of a schema."""
    return msgspec.json.format(msgspec.json.encode(schema_of(kind)), indent=2).decode() + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every schema."""
    folder.mkdir(exist_ok=True)
    for kind in answer_types():
        (folder / f"{kind.__name__}.json").write_text(text_of(kind), encoding="utf-8")


def _with_text_ids(schema: dict[str, Any]) -> dict[str, Any]:
    """A struct's schema with identifiers as strings; its own description would be the whole docstring."""
    properties = {name: _as_text(part) if name.endswith("_id") else part for name, part in schema["properties"].items()}
    return {key: value for key, value in schema.items() if key != "description"} | {"properties": properties}


def _as_text(part: dict[str, Any]) -> dict[str, Any]:
    if part.get("type") == "integer":
        return dict(IDENTIFIER)
    return {**part, "anyOf": [_as_text(each) for each in part["anyOf"]]} if "anyOf" in part else part


if __name__ == "__main__":
    write()
