"""Operations on termination credentials: the SIP users of a connector (API TC1-TC4)."""

from lambdas.management.context import Context, unknown_connector
from lambdas.management.errors import BadRequest, ServiceUnavailable
from lambdas.management.parameters import Parameters
from lambdas.management.store import CONFLICT_ATTEMPTS, Changed
from lambdas.management.wire import Answer
from model.connector import Connector, Credential, connector_host

LONGEST = 256
"""Characters of a user name or a password; they have to fit into a SIP message (API TC1)."""


def put_voice_connector_termination_credentials(context: Context, parameters: Parameters) -> Answer:
    """Add users or replace their passwords; others stay (API TC2)."""
    connector_id = parameters.text("VoiceConnectorId")
    given = parameters.structures("Credentials")
    passwords = dict(_checked(entry, f"Credentials[{n}]") for n, entry in enumerate(given))
    realm = connector_host(connector_id, context.settings.domain)
    credentials = [
        Credential.from_password(username, password, realm=realm)
        for username, password in passwords.items()
    ]
    most = context.settings.api.quotas.credentials
    for _ in range(CONFLICT_ATTEMPTS):
        connector = context.connector(connector_id)
        _check_room(connector, credentials, most)
        try:
            context.repository.connectors.put_credentials(connector, credentials, at_most=most)
        except Changed:
            # Somebody else changed the users between the read and the write.
            continue
        return {}
    raise ServiceUnavailable("Other changes of the credentials stand in the way; try again")


def list_voice_connector_termination_credentials(
    context: Context, parameters: Parameters
) -> Answer:
    """Return the user names, `[]` when there are none (API TC3)."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    return {"Usernames": [credential.username for credential in connector.credentials]}


def delete_voice_connector_termination_credentials(
    context: Context, parameters: Parameters
) -> Answer:
    """Remove users; unknown names are ignored (API TC4)."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    unwanted = set(parameters.texts("Usernames"))
    known = [user.username for user in connector.credentials if user.username in unwanted]
    try:
        context.repository.connectors.delete_credentials(connector.connector_id, known)
    except Changed as error:
        raise unknown_connector(connector.connector_id) from error
    return {}


def _check_room(connector: Connector, credentials: list[Credential], most: int) -> None:
    names = {user.username for user in (*connector.credentials, *credentials)}
    if credentials and len(names) > most:
        raise BadRequest(
            f"Credentials would bring the Voice Connector to {len(names)} users; "
            f"at most {most} is allowed"
        )


def _checked(given: Parameters, where: str) -> tuple[str, str]:
    username, password = given.optional_text("Username"), given.optional_text("Password")
    for name, value in (("Username", username), ("Password", password)):
        if value is None:
            raise BadRequest(f"{where}.{name} is missing or empty; it is required")
        if not (value.isascii() and value.isprintable()):
            raise BadRequest(f"{where}.{name} is not valid; printable US-ASCII is wanted")
        if len(value) > LONGEST:
            raise BadRequest(
                f"{where}.{name} has {len(value)} characters; at most {LONGEST} is allowed"
            )
    assert username is not None and password is not None, "checked above"
    return username, password
