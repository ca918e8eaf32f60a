"""Which components a message may have: https://discord.com/developers/docs/components/reference."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from mocha_actors.simulator.invocation import BUTTON, LINK, PREMIUM, SELECTS, STRING_SELECT
from mocha_actors.simulator.refusals import Faults, Path

ROW = 1
MOST_ROWS, MOST_BUTTONS, MOST_OPTIONS = 5, 5, 25

MOST_COMPONENTS = 40
"""Components at all depths of a message that is made of components alone."""

STYLES: Final = (1, 2, 3, 4, LINK, PREMIUM)

V2_TYPES: Final = (ROW, 9, 10, 12, 13, 14, 17)
"""What stands at the top of a message that is made of components alone."""


def check_components(faults: Faults, path: Path, components: object, *, v2: bool) -> None:
    """Note what is wrong with the components of a message; `v2` if it is made of them alone."""
    listed = faults.items(path, components, MOST_COMPONENTS if v2 else MOST_ROWS)
    for place, each in enumerate(listed):
        component = faults.mapping((*path, place), each)
        if faults.choice((*path, place, "type"), component.get("type"), V2_TYPES if v2 else (ROW,)):
            _check(faults, (*path, place), component)
    everything = list(_walk(listed))
    wrong = f"Must be {MOST_COMPONENTS} or fewer in length."
    faults.require(len(everything) <= MOST_COMPONENTS, path, "BASE_TYPE_BAD_LENGTH", wrong)
    ids = [each["custom_id"] for each in everything if isinstance(each.get("custom_id"), str)]
    good = len(ids) == len(set(ids))
    faults.require(good, path, "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")


def _walk(components: list[Any]) -> Iterator[dict[str, Any]]:
    """Go over components from the outside in."""
    for each in components:
        if isinstance(each, dict):
            yield each
            yield from _walk(_nested(each))


def _nested(component: dict[str, Any]) -> list[Any]:
    inner = component.get("components")
    accessory = [component["accessory"]] if "accessory" in component else []
    return [*(inner if isinstance(inner, list) else []), *accessory]


def _check(faults: Faults, path: Path, component: dict[str, Any]) -> None:
    kind = component.get("type")
    if kind == BUTTON:
        _check_button(faults, path, component)
    elif kind in SELECTS:
        _check_select(faults, path, component)
    elif kind == ROW:
        inner = faults.items((*path, "components"), component.get("components"), MOST_BUTTONS)
        faults.require(inner, (*path, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    for place, each in enumerate(_nested(component)):
        inner_component = faults.mapping((*path, "components", place), each)
        _check(faults, (*path, "components", place), inner_component)


def _check_button(faults: Faults, path: Path, button: dict[str, Any]) -> None:
    style = button.get("style")
    if not faults.choice((*path, "style"), style, STYLES) or style == PREMIUM:
        return
    if style == LINK:
        faults.text((*path, "url"), button.get("url"), 1, 512)
    else:
        faults.text((*path, "custom_id"), button.get("custom_id"), 1, 100)
    if not button.get("emoji"):
        faults.text((*path, "label"), button.get("label"), 1, 80)


def _check_select(faults: Faults, path: Path, select: dict[str, Any]) -> None:
    faults.text((*path, "custom_id"), select.get("custom_id"), 1, 100)
    if select.get("type") != STRING_SELECT:
        return
    options = faults.items((*path, "options"), select.get("options"), MOST_OPTIONS)
    faults.require(options, (*path, "options"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")
    for place, each in enumerate(options):
        option = faults.mapping((*path, "options", place), each)
        for name in ("label", "value"):
            faults.text((*path, "options", place, name), option.get(name), 1, 100)


def numbered(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each component an id, as Discord does to those that have none."""
    numbers = count(1)

    def number(component: dict[str, Any]) -> dict[str, Any]:
        made = component | {"id": component.get("id") or next(numbers)}
        if isinstance(component.get("components"), list):
            made["components"] = [number(each) for each in component["components"]]
        if isinstance(component.get("accessory"), dict):
            made["accessory"] = number(component["accessory"])
        return made

    return [number(each) for each in components if isinstance(each, dict)]
