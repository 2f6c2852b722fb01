#!/bin/sh
# Calls every operation of the Voice Connector API once with the AWS CLI and checks what it says.
#
#     eval "$(ovc env)"
#     sh examples/aws-cli/every-operation.sh
#
# It removes what it makes; the numbers that it orders lie in the deletion queue afterwards. The
# global settings are put back as they are.
set -eu
export AWS_PAGER="" AWS_DEFAULT_OUTPUT=text

NAME="aws-cli example"
HERE="Routes=[{Host=127.0.0.1,Port=5060,Protocol=UDP,Priority=1,Weight=1}]"

# call OPERATION [ARGUMENTS]: prints the answer; in text, None is an absent member.
call() {
    echo "$1" >&3
    aws chime-sdk-voice "$@"
}

# expect ANSWER OPERATION [ARGUMENTS]: the answer must be exactly this one.
expect() {
    expected=$1
    shift
    found=$(call "$@")
    [ "$found" = "$expected" ] || fail "$1 says '$found' instead of '$expected'"
}

fail() {
    echo "$1" >&2
    exit 1
}

# Progress goes to the output even from inside $(...).
exec 3>&1

# --- Where and what there is ----------------------------------------------------------------
expect True list-available-voice-connector-regions \
    --query "contains(VoiceConnectorRegions, 'us-east-1')"
expect "Local	TollFree" list-supported-phone-number-countries --product-type VoiceConnector \
    --query "sort(PhoneNumberCountries[?CountryCode=='US'].SupportedPhoneNumberTypes[])"

# --- Numbers --------------------------------------------------------------------------------
numbers=$(call search-available-phone-numbers --area-code 617 --max-results 2 \
    --query E164PhoneNumbers)
# shellcheck disable=SC2086  # two numbers, two words
set -- $numbers
first=$1
second=$2

order=$(call create-phone-number-order --product-type VoiceConnector \
    --e164-phone-numbers "$first" "$second" --name example \
    --query PhoneNumberOrder.PhoneNumberOrderId)
tries=0
until [ "$(call get-phone-number-order --phone-number-order-id "$order" \
    --query PhoneNumberOrder.Status)" = Successful ]; do
    tries=$((tries + 1))
    [ $tries -lt 60 ] || fail "the order takes too long"
    sleep 1
done
expect Successful list-phone-number-orders \
    --query "PhoneNumberOrders[?PhoneNumberOrderId=='$order'].Status"

# --- A connector ----------------------------------------------------------------------------
created=$(call create-voice-connector --name "$NAME" --no-require-encryption \
    --tags Key=made-by,Value=example \
    --query "VoiceConnector.[VoiceConnectorId,VoiceConnectorArn]")
# shellcheck disable=SC2086  # neither has blanks
set -- $created
id=$1
arn=$2
expect "$NAME" get-voice-connector --voice-connector-id "$id" --query VoiceConnector.Name
expect 1 list-voice-connectors --query "length(VoiceConnectors[?VoiceConnectorId=='$id'])"
expect "$NAME 2	False" update-voice-connector --voice-connector-id "$id" \
    --name "$NAME 2" --no-require-encryption \
    --query "VoiceConnector.[Name,RequireEncryption]"

expect example list-tags-for-resource --resource-arn "$arn" \
    --query "Tags[?Key=='made-by'].Value"
expect "" tag-resource --resource-arn "$arn" --tags Key=team,Value=voice
expect "" untag-resource --resource-arn "$arn" --tag-keys made-by team

# --- Calls in, calls out --------------------------------------------------------------------
expect 5060 put-voice-connector-origination --voice-connector-id "$id" --origination "$HERE" \
    --query "Origination.Routes[0].Port"
expect 127.0.0.1 get-voice-connector-origination --voice-connector-id "$id" \
    --query "Origination.Routes[0].Host"
expect 1 put-voice-connector-termination --voice-connector-id "$id" \
    --termination CallingRegions=US,CA,CidrAllowedList=127.0.0.1/32 --query Termination.CpsLimit
expect "US	CA" get-voice-connector-termination --voice-connector-id "$id" \
    --query Termination.CallingRegions
expect "" put-voice-connector-termination-credentials --voice-connector-id "$id" \
    --credentials "Username=pbx,Password=$order"
expect pbx list-voice-connector-termination-credentials --voice-connector-id "$id" \
    --query Usernames
# Nobody has sent an OPTIONS yet.
expect None get-voice-connector-termination-health --voice-connector-id "$id" \
    --query TerminationHealth.Timestamp

# --- What goes with a connector -------------------------------------------------------------
expect True put-voice-connector-logging-configuration --voice-connector-id "$id" \
    --logging-configuration EnableSIPLogs=true,EnableMediaMetricLogs=false \
    --query LoggingConfiguration.EnableSIPLogs
expect False get-voice-connector-logging-configuration --voice-connector-id "$id" \
    --query LoggingConfiguration.EnableMediaMetricLogs
expect EventBridge put-voice-connector-streaming-configuration --voice-connector-id "$id" \
    --streaming-configuration \
    "DataRetentionInHours=24,Disabled=true,StreamingNotificationTargets=[{NotificationTarget=EventBridge}]" \
    --query "StreamingConfiguration.StreamingNotificationTargets[].NotificationTarget"
expect 24 get-voice-connector-streaming-configuration --voice-connector-id "$id" \
    --query StreamingConfiguration.DataRetentionInHours
expect "+12065550911" put-voice-connector-emergency-calling-configuration \
    --voice-connector-id "$id" --emergency-calling-configuration \
    "DNIS=[{EmergencyPhoneNumber=+12065550911,TestPhoneNumber=+12065550933,CallingCountry=US}]" \
    --query "EmergencyCallingConfiguration.DNIS[0].EmergencyPhoneNumber"
expect US get-voice-connector-emergency-calling-configuration --voice-connector-id "$id" \
    --query "EmergencyCallingConfiguration.DNIS[0].CallingCountry"
expect AVAYA_SBCE put-voice-connector-external-systems-configuration --voice-connector-id "$id" \
    --session-border-controller-types AVAYA_SBCE \
    --contact-center-system-types AVAYA_AURA_CONTACT_CENTER \
    --query ExternalSystemsConfiguration.SessionBorderControllerTypes
expect AVAYA_AURA_CONTACT_CENTER get-voice-connector-external-systems-configuration \
    --voice-connector-id "$id" --query ExternalSystemsConfiguration.ContactCenterSystemTypes

# --- Numbers of a connector -----------------------------------------------------------------
expect "" associate-phone-numbers-with-voice-connector --voice-connector-id "$id" \
    --e164-phone-numbers "$first" --query PhoneNumberErrors
expect "$first" list-phone-numbers --filter-name VoiceConnectorId --filter-value "$id" \
    --query "PhoneNumbers[].E164PhoneNumber"
expect Assigned get-phone-number --phone-number-id "$first" --query PhoneNumber.Status
expect reception update-phone-number --phone-number-id "$first" --name reception \
    --query PhoneNumber.Name
expect "" batch-update-phone-number --update-phone-number-request-items \
    "PhoneNumberId=$first,Name=desk" "PhoneNumberId=$second,Name=door" --query PhoneNumberErrors
expect "" disassociate-phone-numbers-from-voice-connector --voice-connector-id "$id" \
    --e164-phone-numbers "$first" --query PhoneNumberErrors

# --- A group --------------------------------------------------------------------------------
group=$(call create-voice-connector-group --name "$NAME" \
    --voice-connector-items "VoiceConnectorId=$id,Priority=1" \
    --query VoiceConnectorGroup.VoiceConnectorGroupId)
expect "$id" get-voice-connector-group --voice-connector-group-id "$group" \
    --query "VoiceConnectorGroup.VoiceConnectorItems[].VoiceConnectorId"
expect 1 list-voice-connector-groups \
    --query "length(VoiceConnectorGroups[?VoiceConnectorGroupId=='$group'])"
expect "" associate-phone-numbers-with-voice-connector-group \
    --voice-connector-group-id "$group" --e164-phone-numbers "$second" --query PhoneNumberErrors
expect "" disassociate-phone-numbers-from-voice-connector-group \
    --voice-connector-group-id "$group" --e164-phone-numbers "$second" --query PhoneNumberErrors
expect 0 update-voice-connector-group --voice-connector-group-id "$group" --name "$NAME 2" \
    --voice-connector-items '[]' --query "length(VoiceConnectorGroup.VoiceConnectorItems)"
expect "" delete-voice-connector-group --voice-connector-group-id "$group"

# --- Settings of the account ----------------------------------------------------------------
# The default calling name can be changed once a week, so one that is there is kept.
calling_name=$(call get-phone-number-settings --query CallingName)
[ "$calling_name" != None ] || calling_name="OVC example"
expect "" update-phone-number-settings --calling-name "$calling_name"
bucket=$(call get-global-settings --query VoiceConnector.CdrBucket)
settings="{}"
[ "$bucket" = None ] || settings="CdrBucket=$bucket"
expect "" update-global-settings --voice-connector "$settings"

# --- Emergency addresses --------------------------------------------------------------------
validation=$(call validate-e911-address --aws-account-id 000000000000 \
    --street-number 410 --street-info "Terry Ave N" --city Seattle --state WA --country US \
    --postal-code 98109 --query ValidationResult)
case $validation in
    0 | 1 | 2) ;;
    *) fail "validate-e911-address says '$validation'" ;;
esac

# --- What is not offered --------------------------------------------------------------------
# Amazon has ended proxy sessions; here all eight operations say so.
if refusal=$(call list-proxy-sessions --voice-connector-id "$id" 2>&1); then
    fail "list-proxy-sessions is answered: $refusal"
fi
case $refusal in
    *ForbiddenException*"is not supported by this endpoint"*) ;;
    *) fail "list-proxy-sessions is refused in another way: $refusal" ;;
esac

# --- Away with it ---------------------------------------------------------------------------
for what in emergency-calling-configuration external-systems-configuration \
    streaming-configuration origination termination; do
    expect "" "delete-voice-connector-$what" --voice-connector-id "$id"
done
expect "" delete-voice-connector-termination-credentials --voice-connector-id "$id" \
    --usernames pbx
expect "" delete-voice-connector --voice-connector-id "$id"
expect "" delete-phone-number --phone-number-id "$first"
expect Unassigned restore-phone-number --phone-number-id "$first" --query PhoneNumber.Status
expect "" batch-delete-phone-number --phone-number-ids "$first" "$second" \
    --query PhoneNumberErrors
echo "every operation answered" >&3
