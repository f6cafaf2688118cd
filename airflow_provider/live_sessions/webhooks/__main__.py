"""``python -m airflow_provider.live_sessions.webhooks``: the receiver on its own, and the URLs of whole accounts.

``serve`` needs Airflow's Fernet key and connections as a worker has them (``AIRFLOW__CORE__FERNET_KEY``,
``AIRFLOW_CONN_...`` or a secrets backend), and a token for Airflow's REST API.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.webhooks.urls import PREFIX, checked_url, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import SecretStr

MOST_CONNECTIONS = 256
"""At once; who comes beyond them is answered 503."""

TOKEN_VARIABLE = "LIVE_SESSIONS_AIRFLOW_TOKEN"  # noqa: S105 - the variable's name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; return the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        return _print_url(parsed) if parsed.command == "url" else _serve(parsed)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider.live_sessions.webhooks")
    commands = parser.add_subparsers(dest="command", required=True)
    url = commands.add_parser("url", help="print the URL of a whole account, to type into its settings")
    url.add_argument(
        "--platform", required=True, help="coviu or screenleap; lessonspace and educates register theirs"
    )
    url.add_argument("--conn-id", required=True, help="the Airflow connection of that account")
    serve = commands.add_parser("serve", help="receive, confirm, and tell Airflow through its REST API")
    serve.add_argument("--airflow", required=True, help="where Airflow is, by https but on this machine")
    serve.add_argument(
        "--token-file",
        type=Path,
        help=f"a file with the REST API's token, read again when it was refused; else {TOKEN_VARIABLE}",
    )
    serve.add_argument("--host", default="127.0.0.1", help="127.0.0.1 by default: behind a proxy that has TLS")
    serve.add_argument("--port", type=int, default=8088)
    return parser


def _print_url(parsed: argparse.Namespace) -> int:
    from airflow_provider.live_sessions.hooks.base import hook_class_of, hook_path_of
    from airflow_provider.live_sessions.webhooks.tokens import Addressee

    hook_class_of(hook_path_of(parsed.platform))
    print(url_of(Addressee(parsed.platform, parsed.conn_id)))
    return 0


def _serve(parsed: argparse.Namespace) -> int:
    import uvicorn

    from airflow_provider.live_sessions.webhooks.rest import ThroughRest
    from airflow_provider.live_sessions.webhooks.standing import Receiver

    airflow = checked_url(parsed.airflow, "--airflow", "https://airflow.example.org", "A token goes there")
    token = _token_of(parsed)
    token()  # now, so that what is missing is said at the start
    receiver = Receiver(ThroughRest(airflow, token), prefix=True)
    # No access log: the paths hold the tokens.
    config = uvicorn.Config(
        receiver.app, host=parsed.host, port=parsed.port, access_log=False, limit_concurrency=MOST_CONNECTIONS
    )
    server = uvicorn.Server(config)
    print(f"Deliveries are received at http://{parsed.host}:{parsed.port}{PREFIX}/...", flush=True)
    try:
        server.run()
    finally:
        receiver.queue.stop()
    return 0


def _token_of(parsed: argparse.Namespace) -> Callable[[], SecretStr]:
    from pydantic import SecretStr

    def token() -> SecretStr:
        try:
            text = parsed.token_file.read_text() if parsed.token_file else os.environ.get(TOKEN_VARIABLE, "")
        except (OSError, ValueError):
            text = ""
        if not text.strip():
            raise ConfigurationError(
                "There is no token for Airflow's REST API.",
                advice=f"Give --token-file, or set {TOKEN_VARIABLE}.",
            )
        return SecretStr(text.strip())

    return token


if __name__ == "__main__":
    sys.exit(main())
