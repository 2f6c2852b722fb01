"""The operations that are implemented, by their name in the model; all others answer API E8."""

from collections.abc import Mapping

from lambdas.management import (
    associations,
    connectors,
    credentials,
    global_settings,
    numbers,
    orders,
    origination,
    search,
    termination,
)
from lambdas.management.context import OperationFunction

READS: Mapping[str, OperationFunction] = {
    "GetGlobalSettings": global_settings.get_global_settings,
    "GetPhoneNumber": numbers.get_phone_number,
    "GetPhoneNumberOrder": orders.get_phone_number_order,
    "GetVoiceConnector": connectors.get_voice_connector,
    "GetVoiceConnectorOrigination": origination.get_voice_connector_origination,
    "GetVoiceConnectorTermination": termination.get_voice_connector_termination,
    "ListPhoneNumberOrders": orders.list_phone_number_orders,
    "ListPhoneNumbers": numbers.list_phone_numbers,
    "ListVoiceConnectorTerminationCredentials": (
        credentials.list_voice_connector_termination_credentials
    ),
    "ListVoiceConnectors": connectors.list_voice_connectors,
    "SearchAvailablePhoneNumbers": search.search_available_phone_numbers,
}

CHANGES: Mapping[str, OperationFunction] = {
    "AssociatePhoneNumbersWithVoiceConnector": (
        associations.associate_phone_numbers_with_voice_connector
    ),
    "CreatePhoneNumberOrder": orders.create_phone_number_order,
    "CreateVoiceConnector": connectors.create_voice_connector,
    "DeleteVoiceConnector": connectors.delete_voice_connector,
    "DeleteVoiceConnectorOrigination": origination.delete_voice_connector_origination,
    "DeleteVoiceConnectorTermination": termination.delete_voice_connector_termination,
    "DeleteVoiceConnectorTerminationCredentials": (
        credentials.delete_voice_connector_termination_credentials
    ),
    "DisassociatePhoneNumbersFromVoiceConnector": (
        associations.disassociate_phone_numbers_from_voice_connector
    ),
    "PutVoiceConnectorOrigination": origination.put_voice_connector_origination,
    "PutVoiceConnectorTermination": termination.put_voice_connector_termination,
    "PutVoiceConnectorTerminationCredentials": (
        credentials.put_voice_connector_termination_credentials
    ),
    "UpdateGlobalSettings": global_settings.update_global_settings,
    "UpdateVoiceConnector": connectors.update_voice_connector,
}
"""What the edge must see: after each of them the configuration's revision is counted up."""
