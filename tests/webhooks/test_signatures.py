"""Signatures: what was signed with the secret fits, and nothing else does."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - a test, not a DAG file

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.signatures import ALGORITHMS, ENCODINGS, Signature

WAYS = st.builds(Signature, st.sampled_from(ALGORITHMS), st.sampled_from(ENCODINGS))
SECRETS = st.text(min_size=1, max_size=40).map(SecretStr)


@given(WAYS, SECRETS, st.binary(max_size=200))
def test_what_was_signed_with_the_secret_fits(way: Signature, secret: SecretStr, body: bytes) -> None:
    signed = way.sign(secret, body)
    assert way.fits(secret, body, signed)
    assert way.fits(secret, body, f"{way.algorithm}={signed} ")
    assert way.fits(secret, body, f"{way.algorithm.upper()}={signed}")


@given(WAYS, SECRETS, SECRETS, st.binary(max_size=50), st.binary(max_size=50))
def test_another_secret_or_another_body_does_not(
    way: Signature, secret: SecretStr, other: SecretStr, body: bytes, another: bytes
) -> None:
    assume(body != another)
    assert not way.fits(secret, another, way.sign(secret, body))
    assume(secret.get_secret_value().strip("\0") != other.get_secret_value().strip("\0"))  # HMAC pads with zeros
    assert not way.fits(other, body, way.sign(secret, body))


@given(WAYS, SECRETS, st.binary(max_size=50), st.text(max_size=300))
def test_whatever_text_is_no_signature_and_no_error(
    way: Signature, secret: SecretStr, body: bytes, text: str
) -> None:
    assume(text.strip().removeprefix(f"{way.algorithm}=").casefold() != way.sign(secret, body).casefold())
    assert not way.fits(secret, body, text)


def test_the_default_is_what_the_reference_is_read_as() -> None:
    body = b'{"id":"1"}'
    assert Signature().sign(SecretStr("s"), body) == hmac.new(b"s", body, hashlib.sha256).hexdigest()


def test_a_setting_names_algorithm_and_encoding() -> None:
    assert Signature.of(" SHA512-Base64 ") == Signature("sha512", "base64")
    assert Signature.of("sha1") == Signature("sha1", "hex")
    assert Signature.of("off") is None
    for wrong in ("", "md5", "sha256-utf8", "none"):
        with pytest.raises(ConfigurationError):
            Signature.of(wrong)
