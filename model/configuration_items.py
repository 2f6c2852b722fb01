"""A connector's further configurations as attributes of its item (A4; model/tables.py)."""

from model.codec import (
    AttributeValue,
    Item,
    Plain,
    flag,
    mapping,
    optional_string,
    sequence,
    string,
    whole,
)
from model.configurations import (
    EmergencyCalling,
    EmergencyNumber,
    ExternalSystems,
    Logging,
    MediaInsights,
    Streaming,
)


def logging_members(logging: Logging) -> dict[str, Plain]:
    """Return the attribute `logging` of a connector item."""
    return {"sip_messages": logging.sip_messages, "media_metrics": logging.media_metrics}


def logging_from(value: AttributeValue) -> Logging:
    """Return what the attribute `logging` holds."""
    members = mapping(value)
    return Logging(
        sip_messages=flag(members["sip_messages"]), media_metrics=flag(members["media_metrics"])
    )


def streaming_members(streaming: Streaming) -> dict[str, Plain]:
    """Return the attribute `streaming` of a connector item."""
    insights = streaming.media_insights
    return {
        "data_retention_hours": streaming.data_retention_hours,
        "disabled": streaming.disabled,
        "notification_targets": list(streaming.notification_targets),
        "media_insights": None
        if insights is None
        else {"disabled": insights.disabled, "configuration_arn": insights.configuration_arn},
    }


def streaming_from(value: AttributeValue) -> Streaming:
    """Return what the attribute `streaming` holds."""
    members = mapping(value)
    insights = members.get("media_insights")
    return Streaming(
        data_retention_hours=whole(members["data_retention_hours"]),
        disabled=flag(members["disabled"]),
        notification_targets=_strings(members["notification_targets"]),
        media_insights=None if insights is None else _media_insights(mapping(insights)),
    )


def emergency_calling_members(emergency: EmergencyCalling) -> dict[str, Plain]:
    """Return the attribute `emergency_calling` of a connector item."""
    return {
        "numbers": [
            {
                "emergency_number": number.emergency_number,
                "test_number": number.test_number,
                "country": number.country,
            }
            for number in emergency.numbers
        ]
    }


def emergency_calling_from(value: AttributeValue) -> EmergencyCalling:
    """Return what the attribute `emergency_calling` holds."""
    entries = [mapping(entry) for entry in sequence(mapping(value)["numbers"])]
    return EmergencyCalling(
        numbers=tuple(
            EmergencyNumber(
                emergency_number=string(entry["emergency_number"]),
                test_number=optional_string(entry, "test_number"),
                country=string(entry["country"]),
            )
            for entry in entries
        )
    )


def external_systems_members(systems: ExternalSystems) -> dict[str, Plain]:
    """Return the attribute `external_systems` of a connector item."""
    return {
        "session_border_controllers": list(systems.session_border_controllers),
        "contact_centers": list(systems.contact_centers),
    }


def external_systems_from(value: AttributeValue) -> ExternalSystems:
    """Return what the attribute `external_systems` holds."""
    members = mapping(value)
    return ExternalSystems(
        session_border_controllers=_strings(members["session_border_controllers"]),
        contact_centers=_strings(members["contact_centers"]),
    )


def _media_insights(members: Item) -> MediaInsights:
    return MediaInsights(
        disabled=flag(members["disabled"]) if "disabled" in members else None,
        configuration_arn=optional_string(members, "configuration_arn"),
    )


def _strings(value: AttributeValue) -> tuple[str, ...]:
    return tuple(string(entry) for entry in sequence(value))
