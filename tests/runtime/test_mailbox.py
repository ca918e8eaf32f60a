from __future__ import annotations

import pytest

from mocha_actors.runtime import Mailbox, SpecError


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"capacity": 0}, "mailbox.capacity is 0; allowed is 1 or more"),
        ({"capacity": 1.5}, "mailbox.capacity is 1.5"),
        ({"capacity": "many"}, "mailbox.capacity is 'many'"),
        ({"redeliver": True}, "mailbox.redeliver is True"),
        ({"max_bytes": 1.5, "size": len}, "mailbox.max_bytes is 1.5"),
        ({"weigh": 3}, "mailbox.weigh is 3; allowed is None or a function of a message"),
        ({"overflow": "block"}, "mailbox.overflow is 'block'"),
        ({"redeliver": -1}, "mailbox.redeliver is -1"),
        ({"max_bytes": 10}, "mailbox.max_bytes is 10; allowed is 1 or more, together with size"),
    ],
)
def test_wrong_policies_are_refused_with_field_and_value(options: dict[str, object], named: str) -> None:
    """A mailbox that cannot be meant says which field is wrong."""
    with pytest.raises(SpecError, match=named):
        Mailbox(**options)
