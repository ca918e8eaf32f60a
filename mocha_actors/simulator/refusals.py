"""What REST answers to a request that cannot be obeyed: a status, one of Discord's codes, and the places that are wrong.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes.
"""

from __future__ import annotations

from typing import Any

Path = tuple[str | int, ...]


class Refusal(Exception):
    """A request is answered with an error.

    Attributes:
        status: of HTTP.
        body: the JSON that is answered.
    """

    def __init__(self, status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        """Refuse with one of Discord's codes; `errors` is the tree of the places that are wrong."""
        super().__init__(f"{status}, {code}: {message}")
        self.status = status
        self.body: dict[str, Any] = {"message": message, "code": code} | ({"errors": errors} if errors else {})


class Faults:
    """Collects what is wrong with a form, all of it, as Discord does."""

    def __init__(self) -> None:
        """Begin with a form in which nothing is wrong."""
        self._tree: dict[str, Any] = {}

    def add(self, path: Path, code: str, message: str) -> None:
        """Note what is wrong at a place: names of fields and positions in lists, from the outside in."""
        node = self._tree
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def require(self, good: object, path: Path, code: str, message: str) -> bool:
        """Note what is wrong at a place unless it is good, and tell whether it is."""
        if not good:
            self.add(path, code, message)
        return bool(good)

    def text(self, path: Path, value: object, least: int, most: int) -> bool:
        """Check a text of some length, and tell whether it is good."""
        if not isinstance(value, str):
            self.add(path, "STRING_TYPE_CONVERT" if value is not None else "BASE_TYPE_REQUIRED", _text_wanted(value))
            return False
        if least <= len(value) <= most:
            return True
        wanted = (
            f"Must be {most} or fewer in length." if not least else f"Must be between {least} and {most} in length."
        )
        self.add(path, "BASE_TYPE_BAD_LENGTH", wanted)
        return False

    def items(self, path: Path, value: object, most: int) -> list[Any]:
        """Check a list of so many items at most, and return it; what is none is empty."""
        if not isinstance(value, list):
            self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        self.require(len(value) <= most, path, "BASE_TYPE_BAD_LENGTH", f"Must be {most} or fewer in length.")
        return value

    def mapping(self, path: Path, value: object) -> dict[str, Any]:
        """Check an object, and return it; what is none is empty."""
        if isinstance(value, dict):
            return value
        self.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return {}

    def choice(self, path: Path, value: object, allowed: tuple[int, ...]) -> bool:
        """Check one of some numbers, and tell whether it is good."""
        good = isinstance(value, int) and not isinstance(value, bool) and value in allowed
        listed = ", ".join(map(str, allowed))
        return self.require(good, path, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")

    def check(self) -> None:
        """Pass if nothing is wrong.

        Raises:
            Refusal: 50035, with all that is wrong.
        """
        if self._tree:
            raise Refusal(400, 50035, "Invalid Form Body", self._tree)


def _text_wanted(value: object) -> str:
    return "This field is required" if value is None else "Could not interpret this value as a string."
