"""Where this package's errors meet Airflow: what a retry cannot heal fails at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowNotFoundException

from airflow_provider.live_sessions.core.errors import ConfigurationError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Turn ConfigurationError and Refused into a failure without retry.

    Transient and OutcomeUnknown pass as they are: Airflow's own retry is the answer to both, and the retry looks
    for what the lost request did before it acts.

    Raises:
        AirflowFailException: Retrying is useless; the message says what to do. A connection that Airflow does not
            have is one of these.
    """
    try:
        yield
    except (ConfigurationError, Refused) as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from None
    except AirflowNotFoundException as error:
        raise AirflowFailException(f"{error} Make the connection, or name another one.") from None
