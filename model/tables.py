"""The DynamoDB tables and the CDR bucket: names and keys, defined once (A4).

CDK, the local run, the management Lambda, the edge and the tests all read them here.

Two tables, each with a string partition key `pk` and a string sort key `sk`:

    connectors  pk "connector"   sk <connector id>   one item per connector
                pk "group"       sk <group id>       one item per group of connectors
                pk "settings"    sk "global"         GlobalSettings (the CDR bucket's name)
                pk "version"     sk "configuration"  `revision`, counted up after every change
                pk "count"       sk <region>         `amount` of connectors in a region
                pk "count"       sk "group"          `amount` of groups
                pk "access-key"  sk <access key id>  `last_used_at`, to the hour (A2)
    numbers     pk "inventory"   sk <E.164>          numbers of the account
                pk "pool"        sk <E.164>          numbers that can be ordered
                pk "order"       sk <order id>       phone number orders
                pk "count"       sk "inventory"      `amount` of numbers of the account

Each sub-configuration of a connector is an attribute of its own, so that parallel writers touch
different attributes of one item and never conflict. `associated_numbers` counts the numbers that
point at the connector or group, `group_memberships` the groups that a connector is in; deleting it
is conditional on zero. The counts are written in the same transaction as what they count: they make
quotas exact, whatever comes in parallel.
"""

from dataclasses import dataclass

from model.codec import Item

CONNECTOR = "connector"
GROUP = "group"
SETTINGS = "settings"
GLOBAL = "global"
VERSION = "version"
CONFIGURATION = "configuration"
INVENTORY = "inventory"
POOL = "pool"
ORDER = "order"
COUNT = "count"
ACCESS_KEY = "access-key"
PARTITION_KEY = "pk"
SORT_KEY = "sk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table as every creator of it needs to know it."""

    logical_name: str

    def physical_name(self, prefix: str) -> str:
        """Return the table's name in one deployment."""
        return f"{prefix}-{self.logical_name}"


CONNECTORS = Table(logical_name="connectors")
NUMBERS = Table(logical_name="numbers")
TABLES = (CONNECTORS, NUMBERS)

DEFAULT_PREFIX = "ovc"


def cdr_bucket_name(prefix: str, account_id: str, region: str) -> str:
    """Return the name of the bucket that a deployment creates for its records."""
    return f"{prefix}-cdr-{account_id}-{region}"


def access_keys_secret_name(prefix: str) -> str:
    """Return the name of the secret that holds a deployment's access keys (A2)."""
    return f"{prefix}/access-keys"


def key(partition: str, sort: str) -> Item:
    """Return a primary key in typed JSON."""
    return {PARTITION_KEY: {"S": partition}, SORT_KEY: {"S": sort}}
