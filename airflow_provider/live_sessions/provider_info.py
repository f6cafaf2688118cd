"""What Airflow reads to know this provider: no import of any hook, operator or client happens here."""

from __future__ import annotations

from typing import Any

from airflow_provider.live_sessions import __version__
from airflow_provider.live_sessions.connections import coviu, educates, lessonspace, screenleap

_PACKAGE = "airflow_provider.live_sessions"

_DOCUMENTATION = {
    "Lessonspace": "https://www.thelessonspace.com/docs",
    "Coviu": "https://coviu.readme.io/reference",
    "Screenleap": "https://web1.screenleap.com/api/native/doc/http-calls",
    "Educates": "https://docs.educates.dev/",
}

_FORMS = {
    "Lessonspace": lessonspace.FORM,
    "Coviu": coviu.FORM,
    "Screenleap": screenleap.FORM,
    "Educates": educates.FORM,
}

_OPERATORS = {
    "Lessonspace": ["lessonspace", "lessonspace_account", "classes", "retention", "summarise_classes"],
    "Coviu": ["coviu", "coviu_participants", "query_timetable"],
    "Screenleap": ["screenleap", "screenleap_account", "screenleap_hand_over"],
    "Educates": ["educates"],
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, as ``airflow/provider_info.schema.json`` asks for it."""
    names = ", ".join(_FORMS)
    return {
        "package-name": "airflow-provider-live-sessions",
        "name": "Live sessions",
        "description": f"Launch, wait for and cancel live sessions ({names}), and bring home what they leave.",
        "versions": [__version__],
        "integrations": [
            {"integration-name": name, "external-doc-url": url, "tags": ["service"]}
            for name, url in _DOCUMENTATION.items()
        ],
        "operators": [
            {"integration-name": name, "python-modules": [f"{_PACKAGE}.operators.{one}" for one in modules]}
            for name, modules in _OPERATORS.items()
        ],
        "sensors": _one_module_each("sensors"),
        "hooks": _one_module_each("hooks"),
        "triggers": [
            {
                "integration-name": name,
                "python-modules": [f"{_PACKAGE}.triggers.{one}" for one in ("session", "artifact", "ended")],
            }
            for name in _FORMS
        ],
        "connection-types": list(_FORMS.values()),
        "asset-uris": [
            {
                "schemes": ["live-sessions"],
                "handler": f"{_PACKAGE}.assets.addresses.sanitize_uri",
                "factory": f"{_PACKAGE}.assets.addresses.create_asset",
            }
        ],
        "extra-links": [f"{_PACKAGE}.links.lessonspace.LessonspaceRoomLink"],
        "plugins": [
            {"name": "live_sessions", "plugin-class": f"{_PACKAGE}.plugin.live_sessions.LiveSessionsPlugin"}
        ],
        "config": {
            "live_sessions": {
                "description": "Settings of the live-sessions provider.",
                "options": {
                    "destination": {
                        "description": "Where transcripts, attendance and manifests go when an operator does not "
                        "say: a folder, or any URL of Airflow's object storage. Empty is the folder live_sessions "
                        "in AIRFLOW_HOME, which only one machine sees.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://my_aws_connection@my-bucket/classes",
                        "default": "",
                    },
                    "state_dir": {
                        "description": "Where the processes of a host keep what they share, the rate budget: a "
                        "folder of this machine's own disk. Empty is the system's temporary folder; containers "
                        "of one host share only what is mounted into all of them.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "/var/lib/airflow/live-sessions",
                        "default": "",
                    },
                },
            }
        },
    }


def _one_module_each(floor: str) -> list[dict[str, Any]]:
    return [
        {"integration-name": name, "python-modules": [f"{_PACKAGE}.{floor}.{name.casefold()}"]} for name in _FORMS
    ]
