from __future__ import annotations

import math

import pytest

from mocha_actors.runtime import (
    Actor,
    AutoShutdown,
    ChildSpec,
    CircuitBreaker,
    DynamicSupervisorSpec,
    Mailbox,
    Restart,
    SpecError,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)

REF = new_ref("it")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"id": ""}, "id is ''; allowed: a non-empty name without '/'"),
        ({"id": "a/b"}, "id is 'a/b'"),
        ({"start": 5}, "a.start is 5; allowed: a callable that makes an actor"),
        ({"restart": "always"}, "a.restart is 'always'; allowed: a member of Restart"),
        ({"shutdown": -1}, "a.shutdown is -1; allowed: seconds >= 0, None or 'kill'"),
        ({"shutdown": "later"}, "a.shutdown is 'later'"),
        ({"max_consecutive": -1}, "a.max_consecutive is -1"),
        ({"max_consecutive": True}, "a.max_consecutive is True"),
        ({"on_max_consecutive": "shrug"}, "a.on_max_consecutive is 'shrug'; allowed: 'escalate' or 'park'"),
        ({"backoff": 5}, "a.backoff is 5; allowed: a Backoff"),
        ({"mailbox": 100}, "a.mailbox is 100; allowed: None or a Mailbox"),
        ({"ref": "a"}, "a.ref is 'a'; allowed: None or what new_ref makes"),
        ({"significant": "yes"}, "a.significant is 'yes'; allowed: True or False"),
        ({"fatal": ("Boom",)}, "a.fatal is .*; allowed: a tuple of subclasses of Exception"),
        ({"fatal": (KeyboardInterrupt,)}, "a.fatal is .*KeyboardInterrupt"),
        ({"fatal": KeyError}, "a.fatal is <class 'KeyError'>"),
        ({"ref": REF, "mailbox": Mailbox()}, "a.mailbox is .*; allowed: none beside ref"),
        ({"start": SupervisorSpec(), "ref": REF}, "a.ref is .*; allowed: none, as for any supervisor"),
    ],
)
def test_wrong_child_is_refused_with_field_and_value(options: dict[str, object], named: str) -> None:
    """Nothing is started, and the text says what was found and what is allowed."""
    with pytest.raises(SpecError, match=named):
        ChildSpec(**{"id": "a", "start": Actor, **options})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"strategy": "one_for_one"}, "strategy is 'one_for_one'; allowed: a member of Strategy"),
        ({"max_restarts": -1}, "max_restarts is -1; allowed: a whole number >= 0"),
        ({"max_restarts": 1.5}, "max_restarts is 1.5"),
        ({"max_seconds": 0}, "max_seconds is 0; allowed: seconds > 0"),
        ({"auto_shutdown": True}, "auto_shutdown is True"),
        ({"children": ChildSpec("a", Actor)}, "children is ChildSpec.*; allowed: a tuple"),
        ({"breakers": CircuitBreaker("db")}, "breakers is .*; allowed: a tuple"),
        ({"children": ("a",)}, "children is 'a'; allowed: ChildSpec"),
        ({"children": (ChildSpec("a", Actor), ChildSpec("a", Actor))}, "children is 'a'; allowed: each id once"),
        ({"breakers": ("database",)}, "breakers is 'database'; allowed: CircuitBreaker"),
        ({"breakers": (CircuitBreaker("db"), CircuitBreaker("db"))}, "breakers is 'db'; allowed: each name once"),
    ],
)
def test_wrong_supervisor_is_refused_with_field_and_value(options: dict[str, object], named: str) -> None:
    """As for children."""
    with pytest.raises(SpecError, match=named):
        SupervisorSpec(**options)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_children": -1}, "max_children is -1; allowed: None or a whole number >= 0"),
        ({"max_children": 2.0}, "max_children is 2.0"),
        ({"max_restarts": -1}, "max_restarts is -1"),
        ({"max_seconds": 0}, "max_seconds is 0"),
        ({"template": Actor}, "template is .*; allowed: None or a ChildSpec"),
        ({"template": ChildSpec("a", SupervisorSpec())}, "template.start is .*; allowed: what makes an actor"),
        ({"template": ChildSpec("a", Actor, ref=REF)}, "template.ref is .*; allowed: none"),
        (
            {"template": ChildSpec("a", Actor, restart=Restart.TEMPORARY, significant=True)},
            "a.significant is True; allowed: False under auto_shutdown never",
        ),
    ],
)
def test_wrong_dynamic_supervisor_is_refused_with_field_and_value(options: dict[str, object], named: str) -> None:
    """As for any supervisor; it knows no automatic shutdown."""
    with pytest.raises(SpecError, match=named):
        DynamicSupervisorSpec(**options)


@pytest.mark.parametrize(
    ("restart", "mode"),
    [(Restart.PERMANENT, AutoShutdown.ANY_SIGNIFICANT), (Restart.TRANSIENT, AutoShutdown.NEVER)],
)
def test_significance_needs_a_child_that_can_end_and_a_supervisor_that_minds(
    restart: Restart, mode: AutoShutdown
) -> None:
    """Anything else would be an option that does nothing."""
    with pytest.raises(SpecError, match=r"a\.significant is True"):
        SupervisorSpec(children=(ChildSpec("a", Actor, restart=restart, significant=True),), auto_shutdown=mode)


def test_default_time_to_stop_is_five_seconds_for_actors_and_no_limit_for_supervisors() -> None:
    """A supervisor's time is the sum of what its children need."""
    assert (5.0, math.inf) == (ChildSpec("a", Actor).stop_seconds, ChildSpec("s", SupervisorSpec()).stop_seconds)
    assert (0.0, math.inf, 2) == tuple(ChildSpec("a", Actor, shutdown=each).stop_seconds for each in ("kill", None, 2))


async def test_ref_given_to_two_children_is_refused_before_anything_starts() -> None:
    """Also when they are on different levels."""
    inner = SupervisorSpec(children=(ChildSpec("x", Actor, ref=REF),))
    with pytest.raises(SpecError, match="ref is 'it'; allowed: each ref for one child"):
        async with open_supervisor(SupervisorSpec(children=(ChildSpec("a", Actor, ref=REF), ChildSpec("s", inner)))):
            pass


async def test_what_is_no_spec_is_refused_before_anything_starts() -> None:
    """Neither as a tree nor as a child of one that runs; the tree is none the worse."""
    with pytest.raises(SpecError, match="spec is .*Actor.*; allowed: a SupervisorSpec or a DynamicSupervisorSpec"):
        async with open_supervisor(Actor):
            pass
    async with open_supervisor(SupervisorSpec()) as sup:
        with pytest.raises(SpecError, match="spec is 'a'; allowed: a ChildSpec"):
            await sup.start_child("a")
        assert await sup.live()
