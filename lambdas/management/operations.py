"""The operations that are implemented, by their name in the model; all others answer API E8."""

from collections.abc import Mapping

from lambdas.management import (
    associations,
    connectors,
    credentials,
    e911,
    emergency_calling,
    external_systems,
    global_settings,
    groups,
    logging_configuration,
    number_deletion,
    number_settings,
    number_updates,
    numbers,
    orders,
    origination,
    regions,
    search,
    streaming,
    tags,
    termination,
    termination_health,
)
from lambdas.management.context import OperationFunction

READS: Mapping[str, OperationFunction] = {
    "GetGlobalSettings": global_settings.get_global_settings,
    "GetPhoneNumber": numbers.get_phone_number,
    "GetPhoneNumberOrder": orders.get_phone_number_order,
    "GetPhoneNumberSettings": number_settings.get_phone_number_settings,
    "GetVoiceConnector": connectors.get_voice_connector,
    "GetVoiceConnectorEmergencyCallingConfiguration": (
        emergency_calling.get_voice_connector_emergency_calling_configuration
    ),
    "GetVoiceConnectorExternalSystemsConfiguration": (
        external_systems.get_voice_connector_external_systems_configuration
    ),
    "GetVoiceConnectorGroup": groups.get_voice_connector_group,
    "GetVoiceConnectorLoggingConfiguration": (
        logging_configuration.get_voice_connector_logging_configuration
    ),
    "GetVoiceConnectorOrigination": origination.get_voice_connector_origination,
    "GetVoiceConnectorStreamingConfiguration": (
        streaming.get_voice_connector_streaming_configuration
    ),
    "GetVoiceConnectorTermination": termination.get_voice_connector_termination,
    "GetVoiceConnectorTerminationHealth": termination_health.get_voice_connector_termination_health,
    "ListAvailableVoiceConnectorRegions": regions.list_available_voice_connector_regions,
    "ListPhoneNumberOrders": orders.list_phone_number_orders,
    "ListPhoneNumbers": numbers.list_phone_numbers,
    "ListTagsForResource": tags.list_tags_for_resource,
    "ListVoiceConnectorGroups": groups.list_voice_connector_groups,
    "ListSupportedPhoneNumberCountries": search.list_supported_phone_number_countries,
    "ListVoiceConnectorTerminationCredentials": (
        credentials.list_voice_connector_termination_credentials
    ),
    "ListVoiceConnectors": connectors.list_voice_connectors,
    "SearchAvailablePhoneNumbers": search.search_available_phone_numbers,
    "ValidateE911Address": e911.validate_e911_address,
}

CHANGES: Mapping[str, OperationFunction] = {
    "AssociatePhoneNumbersWithVoiceConnector": (
        associations.associate_phone_numbers_with_voice_connector
    ),
    "AssociatePhoneNumbersWithVoiceConnectorGroup": (
        associations.associate_phone_numbers_with_voice_connector_group
    ),
    "BatchDeletePhoneNumber": number_deletion.batch_delete_phone_number,
    "BatchUpdatePhoneNumber": number_updates.batch_update_phone_number,
    "CreatePhoneNumberOrder": orders.create_phone_number_order,
    "CreateVoiceConnector": connectors.create_voice_connector,
    "CreateVoiceConnectorGroup": groups.create_voice_connector_group,
    "DeletePhoneNumber": number_deletion.delete_phone_number,
    "DeleteVoiceConnector": connectors.delete_voice_connector,
    "DeleteVoiceConnectorEmergencyCallingConfiguration": (
        emergency_calling.delete_voice_connector_emergency_calling_configuration
    ),
    "DeleteVoiceConnectorExternalSystemsConfiguration": (
        external_systems.delete_voice_connector_external_systems_configuration
    ),
    "DeleteVoiceConnectorGroup": groups.delete_voice_connector_group,
    "DeleteVoiceConnectorOrigination": origination.delete_voice_connector_origination,
    "DeleteVoiceConnectorStreamingConfiguration": (
        streaming.delete_voice_connector_streaming_configuration
    ),
    "DeleteVoiceConnectorTermination": termination.delete_voice_connector_termination,
    "DeleteVoiceConnectorTerminationCredentials": (
        credentials.delete_voice_connector_termination_credentials
    ),
    "DisassociatePhoneNumbersFromVoiceConnector": (
        associations.disassociate_phone_numbers_from_voice_connector
    ),
    "DisassociatePhoneNumbersFromVoiceConnectorGroup": (
        associations.disassociate_phone_numbers_from_voice_connector_group
    ),
    "PutVoiceConnectorEmergencyCallingConfiguration": (
        emergency_calling.put_voice_connector_emergency_calling_configuration
    ),
    "PutVoiceConnectorExternalSystemsConfiguration": (
        external_systems.put_voice_connector_external_systems_configuration
    ),
    "PutVoiceConnectorLoggingConfiguration": (
        logging_configuration.put_voice_connector_logging_configuration
    ),
    "PutVoiceConnectorOrigination": origination.put_voice_connector_origination,
    "PutVoiceConnectorStreamingConfiguration": (
        streaming.put_voice_connector_streaming_configuration
    ),
    "PutVoiceConnectorTermination": termination.put_voice_connector_termination,
    "PutVoiceConnectorTerminationCredentials": (
        credentials.put_voice_connector_termination_credentials
    ),
    "RestorePhoneNumber": number_deletion.restore_phone_number,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "UpdateGlobalSettings": global_settings.update_global_settings,
    "UpdatePhoneNumber": number_updates.update_phone_number,
    "UpdatePhoneNumberSettings": number_settings.update_phone_number_settings,
    "UpdateVoiceConnector": connectors.update_voice_connector,
    "UpdateVoiceConnectorGroup": groups.update_voice_connector_group,
}
"""What writes; the streams of the tables tell the edge of it (A9)."""
