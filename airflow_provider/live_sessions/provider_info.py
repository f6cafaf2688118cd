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

_STANDARDS = {
    "Timetables": "https://www.rfc-editor.org/rfc/rfc5545",  # iCalendar
    "Session data": "https://jsonlines.org/",
}

_FORMS = {
    "Lessonspace": lessonspace.FORM,
    "Coviu": coviu.FORM,
    "Screenleap": screenleap.FORM,
    "Educates": educates.FORM,
}

_OPERATORS = {
    "Lessonspace": ["lessonspace", "lessonspace_account"],
    "Coviu": ["coviu", "coviu_participants"],
    "Screenleap": ["screenleap", "screenleap_account", "screenleap_hand_over"],
    "Educates": ["educates"],
    "Timetables": ["classes", "query_timetable", "find_launched", "launched_in_time", "notify"],
    "Session data": ["check_export", "retention", "sessions_to_sql", "summarise_classes"],
}

_PAGES = {name: [f"/docs/platforms/{name.casefold()}.md"] for name in _FORMS} | {
    "Timetables": ["/docs/timetables.md"],
    "Session data": ["/docs/exports.md", "/docs/retention.md"],
}

_LINKS = [
    "page.LiveSessionLink",
    "lessonspace.LessonspaceRoomLink",
    "lessonspace.LessonspaceRecordingLink",
    "coviu.CoviuRoomLink",
    "screenleap.ScreenleapViewerLink",
]


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, as ``airflow/provider_info.schema.json`` asks for it.

    Airflow's registry reads by ``airflow/provider.yaml.schema.json``: that is kept to as well.
    """
    names = ", ".join(_FORMS)
    return {
        "package-name": "airflow-provider-live-sessions",
        "name": "Live sessions",
        "description": f"Launch, wait for and cancel live sessions ({names}), and bring home what they leave.",
        "versions": [__version__],
        "lifecycle": "incubation",
        "integrations": [
            {"integration-name": name, "external-doc-url": url, "how-to-guide": _PAGES[name], "tags": [tag]}
            for tag, known in (("service", _DOCUMENTATION), ("protocol", _STANDARDS))
            for name, url in known.items()
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
                "python-modules": [
                    f"{_PACKAGE}.triggers.{one}" for one in ("session", "artifact", "ended", "ready")
                ],
            }
            for name in _FORMS
        ],
        "connection-types": list(_FORMS.values()),
        "asset-uris": [
            {
                "schemes": ["live-sessions"],
                "handler": f"{_PACKAGE}.assets.addresses.sanitize_uri",
                "factory": f"{_PACKAGE}.assets.addresses.create_asset",
                "to_openlineage_converter": f"{_PACKAGE}.assets.data.to_openlineage",
            }
        ],
        "queues": [f"{_PACKAGE}.assets.queue.LiveSessionsMessageQueueProvider"],
        "extra-links": [f"{_PACKAGE}.links.{name}" for name in _LINKS],
        "task-decorators": [
            {"name": "live_session", "class-name": f"{_PACKAGE}.decorators.live_session.live_session_task"}
        ],
        "notifications": [
            f"{_PACKAGE}.notifications.nobody_came.NobodyCameNotifier",
            f"{_PACKAGE}.notifications.not_launched.NotLaunchedNotifier",
            f"{_PACKAGE}.notifications.artifacts.RecordingReadyNotifier",
            f"{_PACKAGE}.notifications.artifacts.TranscriptReadyNotifier",
        ],
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
                    "timezone": {
                        "description": "The time zone in which the example DAGs' forms read times, and mails, "
                        "folders and questions tell them. Empty leaves each form its own; a form may always name "
                        "another.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "Europe/Vienna",
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
                    "webhooks_url": {
                        "description": "Where the platforms reach the receiver of webhooks: the api-server's "
                        "public address with /live-sessions/webhooks behind it, or that of a receiver of its own. "
                        "Empty receives nothing.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "https://airflow.example.org/live-sessions/webhooks",
                        "default": "",
                    },
                    "webhooks_signature": {
                        "description": "How deliveries that are signed are signed: sha1, sha256, sha384 or "
                        "sha512, each also with -base64 behind it; off looks at no signature.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "sha256-base64",
                        "default": "sha256",
                    },
                    "webhooks_unsigned": {
                        "description": "What becomes of a delivery of a platform that signs, where the signature "
                        "cannot be checked because its launch's secret is not in the task state store (always "
                        "below Airflow 3.3): confirm asks the platform, as it does for platforms that do not "
                        "sign; refuse drops it.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "refuse",
                        "default": "confirm",
                    },
                    "webhooks_max_age_days": {
                        "description": "Days after which what a delivery says is told no more, however true: from "
                        "2 to 30. Longer than an outage after which what happened meanwhile still matters.",
                        "version_added": "0.1.0",
                        "type": "float",
                        "example": "7",
                        "default": "4",
                    },
                    "page_interval": {
                        "description": "Seconds between two questions of the page 'Live sessions' to a "
                        "connection, in each process of the API server, while somebody looks at it.",
                        "version_added": "0.1.0",
                        "type": "float",
                        "example": "60",
                        "default": "30",
                    },
                },
            }
        },
    }


def hook_paths() -> dict[str, str]:
    """Return the import path of each platform's hook, by the platform's name."""
    return {str(form["connection-type"]): str(form["hook-class-name"]) for form in _FORMS.values()}


def _one_module_each(floor: str) -> list[dict[str, Any]]:
    return [
        {"integration-name": name, "python-modules": [f"{_PACKAGE}.{floor}.{name.casefold()}"]} for name in _FORMS
    ]
