from __future__ import annotations

import logging
import pickle
import ssl
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - not at DAG parse
import urllib3

from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    OutcomeUnknown,
    Unavailable,
)
from airflow_provider.live_sessions.core.http import HttpClient
from airflow_provider.live_sessions.core.retry import NO_RETRY, Happened
from airflow_provider.live_sessions.core.wire import fault_of
from tests.core import scripted
from tests.core.certificates import self_signed
from tests.core.desk import desk, ok
from tests.core.scripted import Line, ScriptedServer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


def tls_server(certificate: Path, *script: Line) -> ScriptedServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return ScriptedServer(list(script), tls=context)


def client_of(server: ScriptedServer, **options: Any) -> HttpClient:
    return HttpClient(platform="Toy", conn_id="toy", base_url=server.url, sleep=lambda _: None, **options)


def test_a_certificate_that_is_not_trusted_is_a_matter_of_configuration(certificate: Path) -> None:
    with tls_server(certificate) as server, client_of(server) as client:
        with pytest.raises(ConfigurationError, match="not trusted"):
            client.request("POST", "x", label="post")
        assert server.received == []


def test_a_private_certificate_can_be_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")  # must not win over what is configured
    with tls_server(certificate, ok()) as server, client_of(server, verify=str(certificate)) as client:
        assert client.request("GET", "x", label="get").status == 200


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_checking_can_be_switched_off(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    with tls_server(certificate, ok()) as server, client_of(server, verify=False) as client:
        assert client.request("GET", "x", label="get").status == 200


def test_a_missing_file_of_certificates_is_a_matter_of_configuration(certificate: Path) -> None:
    with (
        tls_server(certificate) as server,
        client_of(server, verify="/nowhere.pem") as client,
        pytest.raises(ConfigurationError, match="verify"),
    ):
        client.request("POST", "x", label="post")


def test_a_server_that_speaks_no_tls_is_unavailable() -> None:
    with ScriptedServer([], greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        base = server.url.replace("http:", "https:")
        with (
            HttpClient(platform="Toy", conn_id="toy", base_url=base, retry=NO_RETRY) as client,
            pytest.raises(Unavailable, match="TLS"),
        ):
            client.request("GET", "x", label="get")


@pytest.mark.parametrize(
    ("error", "happened"),
    [
        (requests.ConnectTimeout(urllib3.exceptions.ConnectTimeoutError("x")), Happened.NEVER_SENT),
        (
            requests.ConnectionError(
                urllib3.exceptions.MaxRetryError(
                    urllib3.HTTPConnectionPool("h"),
                    "/secret",
                    urllib3.exceptions.NameResolutionError("h", urllib3.HTTPConnectionPool("h"), OSError()),  # type: ignore[arg-type]  # only its class counts
                )
            ),
            Happened.NEVER_SENT,
        ),
        (requests.ConnectionError(urllib3.exceptions.ClosedPoolError(None, "x")), Happened.NEVER_SENT),  # type: ignore[arg-type]  # only its class counts
        (requests.ConnectionError("who knows"), Happened.LOST),
        (urllib3.exceptions.ProtocolError("x"), Happened.LOST),
        (ssl.SSLError(1, "x"), Happened.LOST),
        (OSError("no such file"), Happened.NEVER_SENT),
        (requests.exceptions.InvalidURL("/secret"), Happened.NEVER_SENT),
        (ValueError("/secret"), Happened.LOST),
    ],
)
def test_only_what_provably_never_left_counts_as_never_sent(error: Exception, happened: Happened) -> None:
    fault = fault_of(error)
    assert fault.happened is happened
    assert "secret" not in fault.reason


def test_what_the_caller_is_handling_does_not_colour_the_fault() -> None:
    def handle() -> None:
        try:
            int("x")
        except ValueError as error:
            error.__context__ = requests.ConnectTimeout("something else")
            at.post()

    with desk(scripted.hang_up()) as at, pytest.raises(OutcomeUnknown):
        handle()


@pytest.mark.parametrize("line", [scripted.hang_up, lambda: scripted.reply(500), lambda: scripted.reply(404)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_error_drags_no_url_behind_it_and_survives_pickling(line: Any, method: str) -> None:
    with desk(line(), retry=NO_RETRY) as at, pytest.raises(LiveSessionError) as caught:
        at.client.request(method, "rooms/secret-room/", label="read a room", params={"user": "Ann"})
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert "Ann" not in shown.replace('params={"user": "Ann"}', "")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert str(copy) == str(error)
    assert error.conn_id == "toy"


def test_the_urllib3_log_shows_no_path_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="urllib3"), desk(ok()) as at:
        at.get(params={"user": "Ann"})
    assert "secret-room" not in caplog.text
    assert "Ann" not in caplog.text
    assert '"GET /*** HTTP/1.1" 200' in caplog.text


def test_a_client_shows_no_secret() -> None:
    with desk() as at:
        assert repr(at.client) == "<HttpClient Toy 'toy'>"
