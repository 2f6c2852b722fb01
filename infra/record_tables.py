"""Call detail records as tables: in the Glue catalogue, for Athena.

Nothing is copied or crawled: a table is a description of where the objects are and what is in them.
"""

from aws_cdk import Stack
from aws_cdk import aws_glue as glue
from constructs import Construct

from infra.names import bucket_name
from infra.record_columns import columns_of
from infra.record_queries import CONNECTOR, DAY, PROJECTED, WHOLE
from infra.settings import DeploymentSettings

FIRST_DAY = "2026/01/01"
"""Before the first record that anybody can have."""
SERDE = "org.openx.data.jsonserde.JsonSerDe"
"""It reads names whatever their case, and a broken object as a row of nothing."""
_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


class RecordTables(Construct):
    """A database with two tables over the same objects.

    `calls` projects its partitions: a connector's id comes out of the query (`injected`), days are
    computed. `all_calls` has none and reads everything.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.database = settings.prefix.replace("-", "_")
        """Athena takes no hyphens without quotes."""
        made = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database, description="Voice Connector call detail records"
            ),
        )
        records = settings.operator.records
        place = f"s3://{bucket_name(settings)}/{records.prefix}/"
        projected = self._table(
            "Calls",
            PROJECTED,
            place,
            description="Calls of one connector, day by day; both belong into every query",
            partitioned_by=(CONNECTOR, DAY),
            parameters={
                "projection.enabled": "true",
                f"projection.{CONNECTOR}.type": "injected",
                f"projection.{DAY}.type": "date",
                f"projection.{DAY}.format": "yyyy/MM/dd",
                f"projection.{DAY}.range": f"{FIRST_DAY},NOW",
                f"projection.{DAY}.interval": "1",
                f"projection.{DAY}.interval.unit": "DAYS",
                "storage.location.template": f"{place}${{{CONNECTOR}}}/${{{DAY}}}/",
            },
        )
        whole = self._table(
            "AllCalls", WHOLE, place, description="Calls of all connectors; it reads every object"
        )
        for table in (projected, whole):
            table.add_dependency(made)

    def _table(
        self,
        construct_id: str,
        name: str,
        place: str,
        *,
        description: str,
        partitioned_by: tuple[str, ...] = (),
        parameters: dict[str, str] | None = None,
    ) -> glue.CfnTable:
        columns = [
            glue.CfnTable.ColumnProperty(name=it.name, type=it.kind)
            for it in columns_of(self._settings.operator.records)
        ]
        keys = [glue.CfnTable.ColumnProperty(name=it, type="string") for it in partitioned_by]
        return glue.CfnTable(
            self,
            construct_id,
            catalog_id=Stack.of(self).account,
            database_name=self.database,
            table_input=glue.CfnTable.TableInputProperty(
                name=name,
                description=description,
                table_type="EXTERNAL_TABLE",
                partition_keys=keys,
                parameters={"EXTERNAL": "TRUE", "classification": "json", **(parameters or {})},
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=columns,
                    location=place,
                    input_format=_INPUT,
                    output_format=_OUTPUT,
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=SERDE,
                        parameters={"ignore.malformed.json": "TRUE"},
                    ),
                ),
            ),
        )
