"""Whatever a platform answers, the provider gives a result or one of its own errors, and says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import event, given, note
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import LiveSessionError
from tests.fuzz.acts import THEATRES, Theatre
from tests.fuzz.proxy import Proxy, Reply, Tampering, proxied
from tests.fuzz.tampering import ODD_TIMES, changes, in_json, retimed, which
from tests.fuzz.verdict import EFFORT, cases, played

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with proxied() as opened:
        yield opened


EVERY_ACT = [(name, act) for name, theatre in THEATRES.items() for act in theatre.acts]


def _play(proxy: Proxy, theatre: Theatre, act: str) -> object:
    """Play an act on a fresh stage; the proxy's tampering counts from its first request."""
    with theatre.open() as kit:
        tampering, proxy.tampering = proxy.tampering, None
        scene = theatre.scene(kit, proxy)
        secrets = [link.url.get_secret_value() for link in scene.launched.links or ()]
        proxy.tampering = tampering
        try:
            return played(lambda: theatre.acts[act](scene), secrets)
        finally:
            proxy.tampering = None
            scene.client.close()


@pytest.mark.parametrize(("name", "act"), EVERY_ACT)
def test_through_a_proxy_that_changes_nothing_every_act_ends_well(proxy: Proxy, name: str, act: str) -> None:
    proxy.good.clear()
    result = _play(proxy, THEATRES[name], act)
    assert proxy.good, "the act asks the platform nothing"
    expected = {"authorize", "remove user"}  # a code and a person that nobody knows
    assert act in expected or not isinstance(result, LiveSessionError), result


@pytest.mark.parametrize("odd", range(len(ODD_TIMES)))
@pytest.mark.parametrize("name", THEATRES)
def test_every_time_of_an_answer_may_be_out_of_this_world(proxy: Proxy, name: str, odd: int) -> None:
    theatre = THEATRES[name]
    few = EFFORT <= 1
    for act in ("status ended", "find") if few else ("status ended", "find", "launch or find", "cancel live"):
        for number in range(2 if few else 6):
            proxy.tampering = Tampering(in_json([retimed(number, ODD_TIMES[odd])]))
            _play(proxy, theatre, act)


@pytest.mark.parametrize("name", THEATRES)
@cases(100)
@given(data=st.data())
def test_whatever_is_answered_ends_in_a_result_or_in_one_of_our_errors(
    proxy: Proxy, name: str, data: st.DataObject
) -> None:
    theatre = THEATRES[name]
    act = data.draw(st.sampled_from(sorted(theatre.acts)), "act")
    change: Callable[[Reply], Reply] = data.draw(changes)
    sent: list[str] = []

    def told(reply: Reply) -> Reply:
        reply = change(reply)
        sent.append(f"{reply.status} {reply.headers} {reply.body[:600]!r}")
        return reply

    proxy.tampering = Tampering(told, data.draw(which, "which answers"))
    try:
        event(type(_play(proxy, theatre, act)).__name__)
    finally:
        note("\n".join(sent[:4]))
