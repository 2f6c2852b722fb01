"""The DynamoDB tables and the CDR bucket: names and keys, defined once (A4).

CDK, the local run, the management Lambda, the edge and the tests all read them here.

Two tables, each with a string partition key `pk` and a string sort key `sk`:

    connectors  pk "connector"   sk <connector id>   one item per connector
                pk "settings"    sk "global"         GlobalSettings (the CDR bucket's name)
                pk "version"     sk "configuration"  `revision`, counted up after every change
                pk "count"       sk <region>         `amount` of connectors in a region
                pk "settings"    sk "phone-numbers"  the account's default calling name
    numbers     pk "inventory"   sk <E.164>          numbers of the account, deleted ones included
                pk "pool"        sk <E.164>          numbers that can be ordered
                pk "order"       sk <order id>       phone number orders
                pk "pending"     sk <order id>       orders that are not fulfilled yet; `turn`
                pk "due"         sk <instant>#<task>#<E.164>  what is to be done, and when
                pk "count"       sk "inventory"      `amount` of numbers of the account, without
                                                     those in the deletion queue

Each sub-configuration of a connector is an attribute of its own, so that parallel writers touch
different attributes of one item and never conflict. `associated_numbers` counts the numbers that
point at the connector; deleting it is conditional on zero. The counts are written in the same
transaction as what they count: they make quotas exact, whatever comes in parallel.

"pending" and "due" are the work of the number_orders Lambda: each of their items comes and goes in
the transaction that changes the order or the number it is about. The stream of the table of numbers
tells the Lambda of a new item of "pending".
"""

from dataclasses import dataclass
from enum import Enum

from model.codec import Item

CONNECTOR = "connector"
SETTINGS = "settings"
GLOBAL = "global"
VERSION = "version"
CONFIGURATION = "configuration"
INVENTORY = "inventory"
POOL = "pool"
ORDER = "order"
PENDING = "pending"
DUE = "due"
PHONE_NUMBERS = "phone-numbers"
COUNT = "count"
PARTITION_KEY = "pk"
SORT_KEY = "sk"


class StreamView(Enum):
    """Which images of an item its table's stream carries."""

    NEW_IMAGE = "NEW_IMAGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table as every creator of it needs to know it."""

    logical_name: str
    stream: StreamView | None = None
    """What the table's stream tells of each change; None makes no stream."""

    def physical_name(self, prefix: str) -> str:
        """Return the table's name in one deployment."""
        return f"{prefix}-{self.logical_name}"


CONNECTORS = Table(logical_name="connectors")
NUMBERS = Table(logical_name="numbers", stream=StreamView.NEW_IMAGE)
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
