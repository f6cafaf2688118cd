"""Sealing with Airflow's own Fernet key, and opening again where a link is really needed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider.live_sessions.compat.features import fernet, mask_secret
from airflow_provider.live_sessions.core import sealing
from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import SecretStr

SHORTEST_MASK = 8
"""Characters; shorter parts of a link are no secret and would blacken innocent words."""


class AirflowCipher:
    """Airflow's Fernet as the :class:`~airflow_provider.live_sessions.core.sealing.Cipher` of this package.

    Raises:
        ConfigurationError: No Fernet key is set: links would rest in clear text.
    """

    def __init__(self) -> None:
        try:
            self._fernet = fernet()
        except AirflowException as error:
            raise ConfigurationError(
                "Airflow's Fernet key is not valid.", advice="Check [core] fernet_key."
            ) from error
        if not self._fernet.is_encrypted:
            raise ConfigurationError(
                "Airflow has no Fernet key, so join links cannot be sealed.",
                advice="Set [core] fernet_key (AIRFLOW__CORE__FERNET_KEY), the same on every component.",
            )

    def encrypt(self, clear: bytes) -> bytes:
        """Return the cipher text."""
        return self._fernet.encrypt(clear)

    def decrypt(self, cipher_text: bytes) -> bytes:
        """Return the clear text.

        Raises:
            ValueError: It was made with another key.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(cipher_text)
        except InvalidToken:
            raise ValueError("made with another key") from None


def seal(secret: SecretStr) -> str:
    """Return a secret as ``sealed:v1:...``, safe to push to XCom.

    Raises:
        ConfigurationError: Airflow has no Fernet key.
    """
    return sealing.seal(secret, AirflowCipher())


def reveal(sealed: str, *, mask: bool = True) -> str:
    """Open a sealed link inside a Python task.

    What it returns opens a door: use it and let it go, never return or push it.

    Args:
        sealed: A link's ``url`` from a launch result.
        mask: Have Airflow blacken the link in this task's log. Masks cost quadratic time, so a task that goes
            through hundreds of links passes False and logs none of them.

    Raises:
        ConfigurationError: It was not sealed here, or the Fernet key changed.
    """
    clear = sealing.unseal(sealed, AirflowCipher()).get_secret_value()
    if mask:
        for part in _telling_parts(clear):
            mask_secret(part)
    return clear


def _telling_parts(url: str) -> list[str]:
    """Return what must not show: the link, its path with query (urllib3 logs that) and each long value in it."""
    split = urlsplit(url)
    tail = f"{split.path}?{split.query}" if split.query else split.path
    values = [value for _, value in parse_qsl(split.query)]
    parts = [url, tail, *values, *split.path.split("/")]
    return [part for part in dict.fromkeys(parts) if len(part) >= SHORTEST_MASK]
