"""Whether a delivery was signed with a secret: an HMAC over the raw body, compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import SecretStr

ALGORITHMS: Final = ("sha1", "sha256", "sha384", "sha512")
ENCODINGS: Final = ("hex", "base64")
OFF: Final = "off"
LONGEST: Final = 200
"""Characters of a signature; SHA-512 in hexadecimal has 128."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How deliveries are signed.

    Args:
        algorithm: The digest of the HMAC.
        encoding: How the digest is written: ``hex`` or ``base64``.
    """

    algorithm: str = "sha256"
    encoding: str = "hex"

    @classmethod
    def of(cls, text: str) -> Signature | None:
        """Read a setting: ``sha256``, ``sha512-base64`` and so on; None for ``off``.

        Raises:
            ConfigurationError: It is none of these.
        """
        wanted = text.strip().casefold()
        if wanted == OFF:
            return None
        algorithm, _, encoding = wanted.partition("-")
        if algorithm not in ALGORITHMS or (encoding or "hex") not in ENCODINGS:
            raise ConfigurationError(
                f"{text[:40]!r} is no way to sign.",
                advice=f"Known are {', '.join(ALGORITHMS)}, each also with -base64 behind it, and {OFF}.",
            )
        return cls(algorithm, encoding or "hex")

    def sign(self, secret: SecretStr, body: bytes) -> str:
        """Return the signature of a body."""
        digest = self._digest(secret, body)
        return digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode("ascii")

    def fits(self, secret: SecretStr, body: bytes, given: str) -> bool:
        """Return whether a signature is the body's; ``sha256=`` before it is left aside, in either case.

        Args:
            secret: What both sides know.
            body: The body as it came over the wire.
            given: The signature as it came.
        """
        name, _, rest = given.strip().partition("=")
        read = self._read(rest if name.casefold() == self.algorithm else given.strip())
        return hmac.compare_digest(self._digest(secret, body), read)

    def _digest(self, secret: SecretStr, body: bytes) -> bytes:
        return hmac.new(secret.get_secret_value().encode(), body, getattr(hashlib, self.algorithm)).digest()

    def _read(self, given: str) -> bytes:
        if len(given) > LONGEST:
            return b""
        try:
            return (
                bytes.fromhex(given) if self.encoding == "hex" else base64.b64decode(given.encode(), validate=True)
            )
        except (ValueError, binascii.Error):
            return b""
