"""The operations that are implemented, by their name in the model; all others answer API E8."""

from collections.abc import Mapping

from lambdas.management import (
    associations,
    connectors,
    credentials,
    global_settings,
    number_deletion,
    number_settings,
    number_updates,
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
    "GetPhoneNumberSettings": number_settings.get_phone_number_settings,
    "GetVoiceConnector": connectors.get_voice_connector,
    "GetVoiceConnectorOrigination": origination.get_voice_connector_origination,
    "GetVoiceConnectorTermination": termination.get_voice_connector_termination,
    "ListPhoneNumberOrders": orders.list_phone_number_orders,
    "ListPhoneNumbers": numbers.list_phone_numbers,
    "ListSupportedPhoneNumberCountries": search.list_supported_phone_number_countries,
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
    "BatchDeletePhoneNumber": number_deletion.batch_delete_phone_number,
    "BatchUpdatePhoneNumber": number_updates.batch_update_phone_number,
    "CreatePhoneNumberOrder": orders.create_phone_number_order,
    "CreateVoiceConnector": connectors.create_voice_connector,
    "DeletePhoneNumber": number_deletion.delete_phone_number,
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
    "RestorePhoneNumber": number_deletion.restore_phone_number,
    "UpdateGlobalSettings": global_settings.update_global_settings,
    "UpdatePhoneNumber": number_updates.update_phone_number,
    "UpdatePhoneNumberSettings": number_settings.update_phone_number_settings,
    "UpdateVoiceConnector": connectors.update_voice_connector,
}
"""What the edge must see: after each of them the configuration's revision is counted up."""
