"""What answers may look like in one generation of the documentation or another."""

from __future__ import annotations

import pytest
from pydantic import ValidationError  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.platforms.lessonspace import models


def test_a_wrong_answer_does_not_show_its_values() -> None:
    with pytest.raises(ValidationError) as caught:
        models.LaunchAnswer.model_validate({"client_url": ["hush"], "room_id": "hush"})
    assert "hush" not in str(caught.value)


def test_a_misspelt_request_field_is_refused_without_its_value() -> None:
    with pytest.raises(ValidationError, match="lauguage") as caught:
        models.LaunchRequest.model_validate({"id": "a", "lauguage": "hush"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("ident", ["", "x" * 65])
def test_an_id_has_one_to_64_characters(ident: str) -> None:
    with pytest.raises(ValidationError):
        models.LaunchRequest(id=ident)
    assert models.LaunchRequest(id="x" * 64).body() == {"id": "x" * 64}
