"""Operations on termination: who may call the PSTN through a connector (API TM1-TM7)."""

import re

from lambdas.management.addresses import check_network
from lambdas.management.context import Context
from lambdas.management.emergency_calling import unless_emergency_calling
from lambdas.management.errors import BadRequest, NotFound
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import normalised
from lambdas.management.wire import Answer
from model.connector import Connector, Termination

DEFAULT_CPS_LIMIT = 1

_REGION = re.compile("[A-Z]{2}", re.ASCII)


def put_voice_connector_termination(context: Context, parameters: Parameters) -> Answer:
    """Replace a connector's termination."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    given = parameters.structure("Termination")
    termination = Termination(
        calling_regions=_checked_regions(given),
        cidr_allowed_list=_checked_networks(context, connector, given),
        cps_limit=_checked_cps_limit(context, given),
        default_phone_number=_checked_default_number(context, given),
        disabled=given.flag("Disabled"),
    )
    connectors, connector_id = context.repository.connectors, connector.connector_id
    with unless_emergency_calling(context, connector_id, "Termination cannot be disabled"):
        connectors.put_termination(connector_id, termination)
    return {"Termination": _described(termination)}


def get_voice_connector_termination(context: Context, parameters: Parameters) -> Answer:
    """Return the termination; 404 when there is none configured (API TM7)."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    if connector.termination is None:
        raise NotFound(f"Voice Connector {connector.connector_id} has no termination")
    return {"Termination": _described(connector.termination)}


def delete_voice_connector_termination(context: Context, parameters: Parameters) -> Answer:
    """Remove the termination, configured or not; credentials stay (API V4, TM7).

    It is refused while emergency calling is configured.
    """
    connector_id = parameters.text("VoiceConnectorId")
    with unless_emergency_calling(context, connector_id, "Termination cannot be deleted"):
        context.repository.connectors.remove_path(connector_id, "termination")
    return {}


def _checked_regions(given: Parameters) -> tuple[str, ...]:
    regions = given.texts("CallingRegions")
    if not regions:
        raise BadRequest("Termination.CallingRegions is missing or empty; a region is required")
    for index, region in enumerate(regions):
        if _REGION.fullmatch(region) is None:
            raise BadRequest(
                f"Termination.CallingRegions[{index}] is {region[:64]!r}; "
                "an ISO 3166 country code of two capital letters is wanted"
            )
    return regions


def _checked_networks(context: Context, connector: Connector, given: Parameters) -> tuple[str, ...]:
    entries = given.texts("CidrAllowedList")
    for index, entry in enumerate(entries):
        check_network(
            entry,
            f"Termination.CidrAllowedList[{index}]",
            private=context.settings.api.private_addresses,
            ipv6=connector.network_type == "DUAL_STACK",
        )
    return entries


def _checked_cps_limit(context: Context, given: Parameters) -> int:
    limit = given.whole("CpsLimit", DEFAULT_CPS_LIMIT)
    quota = context.settings.api.quotas.cps_limit
    if limit > quota:
        raise BadRequest(f"Termination.CpsLimit is {limit}; at most {quota} is allowed")
    return limit


def _checked_default_number(context: Context, given: Parameters) -> str | None:
    text = given.optional_text("DefaultPhoneNumber")
    if text is None:
        return None
    number = normalised(text)
    if number is None or context.repository.numbers.get(number) is None:
        raise BadRequest("Termination.DefaultPhoneNumber is not a phone number of this account")
    return number


def _described(termination: Termination) -> Answer:
    return {
        "CpsLimit": termination.cps_limit,
        "DefaultPhoneNumber": termination.default_phone_number,
        "CallingRegions": termination.calling_regions,
        "CidrAllowedList": termination.cidr_allowed_list,
        "Disabled": termination.disabled,
    }
