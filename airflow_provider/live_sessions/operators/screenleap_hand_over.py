"""Handing over a screen share: the presenter's launch data to the page that starts it, the viewers their links."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.hooks.fields import base_url_of
from airflow_provider.live_sessions.hooks.screenleap import HOOK, reveal_launch_data
from airflow_provider.live_sessions.hooks.sealing import reveal
from airflow_provider.live_sessions.operators.hand_over import HandOverLinksOperator
from airflow_provider.live_sessions.operators.hand_over_ledger import share_key

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider.live_sessions.core.http import HttpClient
    from airflow_provider.live_sessions.core.record import SealedLink, SessionRecord
    from airflow_provider.live_sessions.operators.hand_over import Deliver

PAGE = "page"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ScreenleapHandOverLinksOperator(HandOverLinksOperator):
    """Hand each participant of a share what lets them in, once.

    The presenter's launch data is no link: only a page that calls ``screenleap.startSharing`` can use it, so it is
    never mailed. It goes to your own page, over HTTPS::

        PUT <the connection's address>/<key of the share>/<participant's id>
        {"title": ..., "start": ..., "name": ..., "presenter": true, "launch_data": {...}}

    and a viewer's ``"url"`` likewise. The same again is the same PUT, so a retry does no harm; after a launch that
    had to make another share, its new data follows. Without such a page the presenter's data stays sealed in XCom,
    and viewers get mails. All arguments of :class:`HandOverLinksOperator` apply, and:

    Args:
        page_conn_id: The Airflow connection of your page: host, and the password as a bearer token. Where Airflow
            has none of this name, nothing is sent to a page, and the log says so. None never sends.

    Returns:
        As the other hand-overs; ``by`` is ``page``, ``mail`` or ``xcom``.
    """

    hook_class: ClassVar[str] = HOOK
    messages: ClassVar[str] = "messages"
    template_fields: Sequence[str] = (*HandOverLinksOperator.template_fields, "page_conn_id")

    def __init__(self, *, page_conn_id: str | None = "screen_share_page", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.page_conn_id = page_conn_id

    def ledger_key(self, record: SessionRecord) -> str:
        """Return the key of this very share: a launch that is repeated makes another, with other data."""
        return share_key(record.ref)

    def ways(self, stack: contextlib.ExitStack) -> Mapping[str, Deliver]:
        """Return the page where there is one, else mails."""
        connection = self._page()
        if connection is None:
            return super().ways(stack)
        client = stack.enter_context(page_client(connection))
        return {PAGE: functools.partial(self._put, client)}

    def choose(self, ways: Mapping[str, Deliver], link: SealedLink) -> tuple[str, Deliver]:
        """Return the page for everybody; a mail for viewers only."""
        if PAGE in ways:
            return PAGE, ways[PAGE]
        return super().choose({} if _presents(link) else ways, link)

    def how_to_reach(self, link: SealedLink) -> str:
        """Return what gets a link, or the presenter's launch data, to its person, in one sentence."""
        if not _presents(link):
            return super().how_to_reach(link)
        return (
            "Make the connection that page_conn_id names and clear this task, or send it in a task of your own "
            "with reveal_launch_data()."
        )

    def _page(self) -> Connection | None:
        if not self.page_conn_id:
            return None
        try:
            return BaseHook.get_connection(self.page_conn_id)
        except AirflowNotFoundException:
            self.log.warning(
                "There is no connection %r, so the presenter's data stays sealed in this task's XCom.",
                self.page_conn_id,
            )
            return None

    def _put(self, client: HttpClient, record: SessionRecord, link: SealedLink) -> None:
        presents = _presents(link)
        way_in = (
            {"launch_data": reveal_launch_data(link.url, mask=False)}
            if presents
            else {"url": reveal(link.url, mask=False)}
        )
        person = quote(link.participant.id, safe="")
        client.request(
            "PUT",
            f"{record.ref.key}/{person}",
            label="hand over to the page",
            json={
                "title": record.title,
                "start": format_time(record.start),
                "name": link.participant.name,
                "presenter": presents,
                **way_in,
            },
            expect_json=False,
        )


def page_client(connection: Connection) -> HttpClient:
    """Return a client of the page.

    Raises:
        ConfigurationError: The address is not usable, or plain http to another machine.
    """
    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.http import HttpClient

    conn_id, url = str(connection.conn_id), base_url_of(connection)
    if url.startswith("http://") and urlsplit(url).hostname not in _LOOPBACK:
        raise ConfigurationError(
            "Launch data must not travel over plain http.",
            platform="The page",
            conn_id=conn_id,
            advice="Give the host with https://; plain http is for this machine only.",
        )
    token = connection.password or ""
    return HttpClient(
        platform="The page",
        conn_id=conn_id,
        base_url=url,
        secrets=[SecretStr(token)] if token else [],
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )


def _presents(link: SealedLink) -> bool:
    from airflow_provider.live_sessions.platforms.screenleap.judging import PRESENTER_ID

    return link.user_id == PRESENTER_ID
