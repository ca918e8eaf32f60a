"""GET /gateway/bot."""

from __future__ import annotations

import json
import traceback

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.config import Secret
from mocha_actors.errors import MochaError, PermanentError
from mocha_actors.gateway.address import BadAddressError
from mocha_actors.gateway.close_codes import RefusedTokenError
from mocha_actors.gateway.rest import DiscordRest, RestUnavailableError, open_rest

BODY = {
    "url": "wss://gateway.discord.gg", "shards": 9,
    "session_start_limit": {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 16},
}  # fmt: skip

TOKEN = "MTIz.s3cret.token-of-this-test"


class Api:
    """An API that counts its requests and answers all in the same way."""

    def __init__(self, response: httpx.Response | httpx.HTTPError) -> None:
        self.response, self.requests = response, 0
        self.rest = DiscordRest(httpx.AsyncClient(transport=httpx.MockTransport(self.answer)), "https://api.test/v10")

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer, after a moment."""
        assert "/v10/gateway/bot" == request.url.path
        self.requests += 1
        await trio.sleep(0.1)
        if isinstance(self.response, httpx.HTTPError):
            raise self.response
        return self.response


async def test_the_answer_is_shared_until_it_is_too_old(autojump_clock: trio.abc.Clock) -> None:
    """Shards that start together make one request; the limits are asked for again."""
    api = Api(httpx.Response(200, json=BODY))
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(api.rest.gateway)
    assert 1 == api.requests

    await trio.sleep(31)
    assert 16 == (await api.rest.gateway()).session_start_limit.max_concurrency
    assert 1 == api.requests
    await api.rest.gateway(max_age=30)
    assert 2 == api.requests


async def test_a_refused_token_says_what_to_do(autojump_clock: trio.abc.Clock) -> None:
    """401 is for a person to solve."""
    with pytest.raises(RefusedTokenError, match=r"HTTP status 401.*developer portal"):
        await Api(httpx.Response(401, json={"message": "401: Unauthorized"})).rest.gateway()


@pytest.mark.parametrize("status", [302, 403, 404])
async def test_other_refusals_are_final(status: int, autojump_clock: trio.abc.Clock) -> None:
    """A redirect is not followed: it would take the token along."""
    with pytest.raises(PermanentError, match=f"HTTP status {status}"):
        await Api(httpx.Response(status, headers={"location": "https://evil.test"})).rest.gateway()


@pytest.mark.parametrize(
    ("response", "retry_after"),
    [
        (httpx.Response(429, headers={"retry-after": "12.5"}), 12.5),
        (httpx.Response(503), 0.0),
        (httpx.Response(500, headers={"retry-after": "soon"}), 0.0),
        (httpx.Response(502, headers={"retry-after": "-1"}), 0.0),
        (httpx.Response(200, text="<html>sign in to this network</html>"), 0.0),
        (httpx.ConnectError("no route to host"), 0.0),
    ],
)
async def test_what_may_pass_is_transient_and_keeps_retry_after(
    response: httpx.Response | httpx.HTTPError, retry_after: float, autojump_clock: trio.abc.Clock
) -> None:
    """Rate limits, outages, captive portals, networks."""
    with pytest.raises(RestUnavailableError) as raised:
        await Api(response).rest.gateway()

    assert retry_after == raised.value.retry_after


@pytest.mark.parametrize("url", ["http://discord.com/api/v10", "ftp://127.0.0.1", "discord.com"])
async def test_the_token_is_not_sent_unencrypted(url: str) -> None:
    """But to loopback."""
    with pytest.raises(BadAddressError):
        async with open_rest(Secret("t"), url):
            pass


async def test_a_limit_that_was_announced_is_kept_without_asking(autojump_clock: trio.abc.Clock) -> None:
    """Whoever goes on asking is banned: the API is not troubled before the time that it named."""
    api = Api(httpx.Response(429, headers={"retry-after": "65", "x-ratelimit-scope": "global"}))
    for _ in range(3):
        with pytest.raises(RestUnavailableError) as raised:
            await api.rest.gateway()
    assert 1 == api.requests
    assert raised.value.retry_after == pytest.approx(65, abs=0.1)

    await trio.sleep(65)
    api.response = httpx.Response(200, json=BODY)
    assert 9 == (await api.rest.gateway()).shards


async def test_the_last_request_of_a_bucket_is_known_as_such(autojump_clock: trio.abc.Clock) -> None:
    """An answer that allows nothing further is good all the same."""
    api = Api(httpx.Response(200, json=BODY, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "2.5"}))
    assert 9 == (await api.rest.gateway()).shards
    await trio.sleep(1.0)
    with pytest.raises(RestUnavailableError) as raised:
        await api.rest.gateway(max_age=0)

    assert 1.5 == raised.value.retry_after
    assert 1 == api.requests


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (httpx.Response(401), "401"),
        (httpx.Response(403, text="error code: 1020"), "disabled"),
        (httpx.Response(429), "429"),
        (httpx.Response(522), "522"),
        (httpx.Response(200, text="{}"), "url"),
        (httpx.ReadTimeout("slow"), "ReadTimeout"),
    ],
)
async def test_no_error_and_no_repr_shows_the_token(
    response: httpx.Response | httpx.HTTPError,
    says: str,
    autojump_clock: trio.abc.Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P9: not in the text, not in what it was caused by, not in the objects on the way."""

    async def answer(request: httpx.Request) -> httpx.Response:
        assert "Bot s3cret" == request.headers["authorization"]
        if isinstance(response, httpx.HTTPError):
            raise response
        return response

    make = httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **given: make(transport=httpx.MockTransport(answer), **given))
    async with open_rest(Secret("s3cret")) as rest:
        with pytest.raises(MochaError, match=says) as raised:
            await rest.gateway()
        shown = "".join(traceback.format_exception(raised.value)) + repr(rest) + repr(vars(rest))

    assert "s3cret" not in shown


STATUSES = st.one_of(st.sampled_from([200, 401, 403, 429, 500, 503]), st.integers(200, 599))
BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [b"", TOKEN.encode(), f'{{"url":"{TOKEN}","shards":"{TOKEN}"}}'.encode(), f'"Bot {TOKEN}"'.encode()]
    ),
    st.builds(lambda shards: json.dumps({"url": TOKEN, "shards": shards}).encode(), st.one_of(st.none(), st.text())),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "location", "x-ratelimit-scope", "x-ratelimit-remaining", "x-ratelimit-reset-after"]
    ),
    st.sampled_from([TOKEN, f"Bot {TOKEN}", "1", "global", ""]),
)


@given(STATUSES, BODIES, HEADERS)
def test_whatever_is_answered_no_error_and_no_repr_shows_the_token(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    """P9: not even when the answer itself repeats the token; and nothing but our own errors comes out."""

    async def ask() -> str:
        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, content=body, headers=headers)

        authorization = {"Authorization": f"Bot {TOKEN}"}
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), headers=authorization) as client:
            rest = DiscordRest(client, "https://api.test/v10")
            shown = repr(rest) + repr(client)
            try:
                await rest.gateway()
            except MochaError as error:
                shown += "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
            return shown

    assert TOKEN not in trio.run(ask)
