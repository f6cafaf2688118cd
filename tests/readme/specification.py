"""Every call of the four APIs with every parameter, as their references have them: what the tables are held to.

Parameters inside another one are told with a dot. What newer references add (Coviu's ``feature_flags``, Educates'
``analytics_url``) is in here too.
"""

from __future__ import annotations

LISTED = (
    "search page include_single_user duration_min duration_max start_time_after start_time_before end_time_after "
    "end_time_before date_after date_before user launch_id in_progress_only tags user_external_id user_name"
)

LESSONSPACE = {
    "GET /organisations/{organisation}/sessions/": f"{LISTED} space",
    "GET /organisations/{organisation}/sessions/{session}/": "",
    "PATCH /organisations/{organisation}/sessions/{session}/": "name recording_access_policy",
    "GET /organisations/{organisation}/sessions/{session}/transcript/": "search page",
    "GET /organisations/{organisation}/spaces/": (
        "session date tag_key tag_value user assigned_to search page date_after date_before"
    ),
    "GET /organisations/{organisation}/users/": "role space session search page",
    "DELETE /organisations/{organisation}/users/{user}/": "",
    "GET /sessions/{session}/playback/": "search page",
    "GET /spaces/{space}/sessions/": LISTED,
    "POST /spaces/launch/": (
        "id name allow_guests record_av record_content transcribe summarise user.name user.id user.email "
        "user.role user.leader user.profile_picture user.camera_background_url user.single_use user.session_limit "
        "user.custom_jwt_parameters.kickOnExp user.custom_jwt_parameters.softExp user.custom_jwt_parameters.meta "
        "user.record user.ghost webhooks.session.start webhooks.session.idle webhooks.session.end "
        "webhooks.user.join webhooks.user.idle webhooks.user.leave webhooks.transcription.finish "
        "webhooks.cobrowser.start webhooks.cobrowser.stop webhooks.chat.message timeouts.not_before "
        "timeouts.not_after features theme video_layout_mode locale server X-Forwarded-For session_tags "
        "space_tags invite_url resource_url holodeck_parameters.customCloseUrl "
        "holodeck_parameters.customCloseName holodeck_parameters.customCloseAutomatic "
        "auth_external.method auth_external.url auth_external.token "
        "auth_external.ephemeral"
    ),
}

COVIU = {
    "POST /auth/token": "client_credentials refresh_token authorization_code code",
    "POST /sessions": (
        "session_name start_time end_time picture participants.display_name participants.picture "
        "participants.role participants.state feature_flags"
    ),
    "GET /sessions": "page page_size start_time end_time order include_canceled deleted_participants state",
    "GET /sessions/{session}": "deleted_participants",
    "PUT /sessions/{session}": "session_name start_time end_time picture",
    "DELETE /sessions/{session}": "",
    "GET /sessions/{session}/summary": "",
    "POST /sessions/{session}/participants": "display_name picture role state",
    "GET /sessions/{session}/participants": "deleted_participants",
    "GET /participants/{participant}": "",
    "PUT /participants/{participant}": "display_name picture role state",
    "DELETE /participants/{participant}": "",
}

SCREENLEAP = {
    "POST /screen-shares": (
        "externalId showScreenleapBranding presenterIpAddress presenterCountryCode presenterFirstName "
        "presenterLastName screenSharingMode videoMode title"
    ),
    "POST /screen-shares/{code}/stop": "",
    "GET /screen-shares/{code}": "",
    "GET /screen-shares": "startedBefore startedAfter endedBefore endedAfter dateFormat externalId",
    "GET /recent-screen-shares": "",
}

EDUCATES = {
    "POST /oauth2/token/": "password refresh_token",
    "POST /oauth2/revoke-token/": "",
    "GET /workshops/catalog/environments/": "sessions state name labels",
    "GET /workshops/catalog/workshops/": "",
    "GET /workshops/environment/{environment}/status/": "sessions",
    "POST /workshops/environment/{environment}/request/": (
        "index_url user session timeout email first_name last_name analytics_url parameters"
    ),
    "GET /workshops/user/{user}/sessions/": "",
    "GET /workshops/session/{session}/schedule/": "",
    "GET /workshops/session/{session}/extend/": "",
    "GET /workshops/session/{session}/terminate/": "",
    "GET /workshops/session/{session}/authorize/": "",
    "GET /workshops/session/{session}/config/": "",
    "POST /workshops/session/{session}/event/": "",
    "GET /workshops/session/{session}/activate/": "",
}

SPECIFICATION: dict[str, dict[str, str]] = {
    "Lessonspace": LESSONSPACE,
    "Coviu": COVIU,
    "Screenleap": SCREENLEAP,
    "Educates": EDUCATES,
}
