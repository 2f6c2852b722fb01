"""How long log lines of a deployment are kept."""

from collections.abc import Mapping

from aws_cdk.aws_logs import RetentionDays

from infra.settings import DeploymentSettings

_RETENTIONS: Mapping[int, RetentionDays] = {
    1: RetentionDays.ONE_DAY,
    3: RetentionDays.THREE_DAYS,
    5: RetentionDays.FIVE_DAYS,
    7: RetentionDays.ONE_WEEK,
    14: RetentionDays.TWO_WEEKS,
    30: RetentionDays.ONE_MONTH,
    60: RetentionDays.TWO_MONTHS,
    90: RetentionDays.THREE_MONTHS,
    120: RetentionDays.FOUR_MONTHS,
    150: RetentionDays.FIVE_MONTHS,
    180: RetentionDays.SIX_MONTHS,
    365: RetentionDays.ONE_YEAR,
    400: RetentionDays.THIRTEEN_MONTHS,
    545: RetentionDays.EIGHTEEN_MONTHS,
    731: RetentionDays.TWO_YEARS,
    1_096: RetentionDays.THREE_YEARS,
    1_827: RetentionDays.FIVE_YEARS,
    2_192: RetentionDays.SIX_YEARS,
    2_557: RetentionDays.SEVEN_YEARS,
    2_922: RetentionDays.EIGHT_YEARS,
    3_288: RetentionDays.NINE_YEARS,
    3_653: RetentionDays.TEN_YEARS,
}


def retention(settings: DeploymentSettings) -> RetentionDays:
    """Return the CDK's word for the days that the operator chose."""
    return _RETENTIONS[settings.log_retention_days]
