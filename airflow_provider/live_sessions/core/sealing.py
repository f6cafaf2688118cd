"""Values that open a door, made safe to rest in Airflow's database.

``seal`` turns a secret into a plain string, ``sealed:v1:<cipher text>``; ``unseal`` opens it again where the
key is. Airflow's Fernet key comes in from above as a :class:`Cipher`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import SecretStr

PREFIX = "sealed:v1:"


class Cipher(Protocol):
    """What encrypts and decrypts: Airflow's Fernet, or a test's."""

    def encrypt(self, clear: bytes) -> bytes:
        """Return the cipher text, printable ASCII."""

    def decrypt(self, cipher_text: bytes) -> bytes:
        """Return the clear text.

        Raises:
            ValueError: It was not made with this key.
        """


def is_sealed(value: object) -> bool:
    """Return whether the value is the work of :func:`seal`."""
    return isinstance(value, str) and value.startswith(PREFIX)


def seal(secret: SecretStr, cipher: Cipher) -> str:
    """Return the secret as a string that may be stored and shown.

    Args:
        secret: What opens a door.
        cipher: Holds the key.
    """
    return PREFIX + cipher.encrypt(secret.get_secret_value().encode()).decode("ascii")


def unseal(sealed: str, cipher: Cipher) -> SecretStr:
    """Open what :func:`seal` closed.

    Raises:
        ConfigurationError: It was never sealed, or the key no longer fits.
    """
    from pydantic import SecretStr

    if not is_sealed(sealed):
        raise ConfigurationError(
            "This value was not sealed by this package.",
            advice="Pass a value that begins with 'sealed:v1:', e.g. a link's url from a launch result.",
        )
    try:
        return SecretStr(cipher.decrypt(sealed.removeprefix(PREFIX).encode("ascii")).decode())
    except (ValueError, UnicodeError):
        raise ConfigurationError(
            "A sealed value cannot be opened: the Fernet key is not the one it was sealed with.",
            advice="Put the old key behind the new one in [core] fernet_key; rotating it does not rewrite XCom.",
        ) from None
