"""A cipher with real Fernet keys: what Airflow's is, without Airflow."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken


class FernetCipher:
    def __init__(self) -> None:
        self._fernet = Fernet(Fernet.generate_key())

    def encrypt(self, clear: bytes) -> bytes:
        return self._fernet.encrypt(clear)

    def decrypt(self, cipher_text: bytes) -> bytes:
        try:
            return self._fernet.decrypt(cipher_text)
        except InvalidToken:
            raise ValueError("made with another key") from None
