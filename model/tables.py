"""The DynamoDB tables and the CDR bucket: names and keys, defined once (A4).

CDK, the local run, the management Lambda, the edge and the tests all read them here.

Tables of configuration and of nodes have a string partition key `pk` and a string sort key `sk`:

    connectors  pk "connector"   sk <connector id>   one item per connector
                pk "group"       sk <group id>       one item per group of connectors
                pk "settings"    sk "global"         GlobalSettings (the CDR bucket's name)
                pk "count"       sk <region>         `amount` of connectors in a region
                pk "count"       sk "group"          `amount` of groups
                pk "access-key"  sk <access key id>  `last_used_at`, to the hour (A2)
                pk "settings"    sk "phone-numbers"  the account's default calling name
    numbers     pk "inventory"   sk <E.164>          numbers of the account, deleted ones included
                pk "pool"        sk <E.164>          numbers that can be ordered
                pk "order"       sk <order id>       phone number orders
                pk "pending"     sk <order id>       orders that are not fulfilled yet; `turn`
                pk "due"         sk <instant>#<task>#<E.164>  what is to be done, and when
                pk "count"       sk "inventory"      `amount` of numbers of the account, without
                                                     those in the deletion queue
    nodes       pk "node"        sk <node id>        one item per edge node, renewed every 10 s: its
                                                     lease
                pk "observation" sk <node id>        what the call_reaper Lambda has seen of a lease
                pk "observation" sk "#pass"          where its last run has come to
                pk "observation" sk "dns"            what the edge_dns Lambda has seen and removed
                pk "drain"       sk <node id>        the order to drain (A11), read by that node
                pk "health"      sk <connector id>   the last good ping of a connector's hosts
                pk "recording"   sk <node id>#<transaction id>  a call that is to be recorded
    feed        pk "change"      sk <instant>#<id>   keys of `connectors` and `numbers` that changed

Calls have a table of their own, with the string key `transaction_id` and these indexes:

    live        live_node     started_at   calls that are up, and ended ones whose object is due
    connector   connector_id  started_at
    number      number        started_at   the customer's own number of a call (model/calls.py)

Limits have a table of their own as well, with the string key `connector_id`: one item per connector
that more than one node has calls of, with a number `s<slot>` for each slot of its calls per second,
the epoch millisecond until which it is taken (edge/policy/call_slots.py).

Nodes and health are no part of `connectors` because the edge may write them, and nothing there.
Recordings stand beside the nodes that make them, each of which looks at its own alone. Items of
`calls`, `nodes`, `feed` and `limits` expire by `expires_at`: calls 90 days after their end, health
90 days after the last ping, nodes 91 days after their last renewal and observations with them (a
node's row must outlive the rows of its calls), orders to drain after a week, the others after a
day.

The streams of `connectors` and `numbers` tell the config_feed Lambda of each change; it appends the
key to `feed`, which the nodes read every two seconds (model/feed_items.py): what following the
configuration costs grows with its changes, not with its size.

Each sub-configuration of a connector is an attribute of its own, so that parallel writers touch
different attributes of one item and never conflict. `associated_numbers` counts the numbers that
point at the connector or group, `group_memberships` the groups that a connector is in; deleting it
is conditional on zero. The counts are written in the same transaction as what they count: they make
quotas exact, whatever comes in parallel.

"pending" and "due" are the work of the number_orders Lambda: each of their items comes and goes in
the transaction that changes the order or the number it is about. The stream of the table of numbers
tells the Lambda of a new item of "pending".
"""

from dataclasses import dataclass
from enum import Enum

from model.codec import Item

CONNECTOR = "connector"
GROUP = "group"
SETTINGS = "settings"
GLOBAL = "global"
INVENTORY = "inventory"
POOL = "pool"
ORDER = "order"
PENDING = "pending"
DUE = "due"
PHONE_NUMBERS = "phone-numbers"
COUNT = "count"
ACCESS_KEY = "access-key"
NODE = "node"
HEALTH = "health"
RECORDING = "recording"
OBSERVATION = "observation"
DRAIN = "drain"
CHANGE = "change"
PARTITION_KEY = "pk"
SORT_KEY = "sk"
EXPIRES_AT = "expires_at"
"""Epoch second at which DynamoDB may remove an item; it takes up to two days over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Another order of a table's items; it holds those that have both attributes, whole."""

    name: str
    partition_key: str
    sort_key: str


class StreamView(Enum):
    """Which images of an item its table's stream carries."""

    NEW_IMAGE = "NEW_IMAGE"
    KEYS_ONLY = "KEYS_ONLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table as every creator of it needs to know it; all keys are strings."""

    logical_name: str
    partition_key: str = PARTITION_KEY
    sort_key: str | None = SORT_KEY
    indexes: tuple[Index, ...] = ()
    expires: bool = False
    """Whether items go when EXPIRES_AT has passed."""
    stream: StreamView | None = None
    """What the table's stream tells of each change; None makes no stream."""

    def physical_name(self, prefix: str) -> str:
        """Return the table's name in one deployment."""
        return f"{prefix}-{self.logical_name}"

    def creation(self, prefix: str) -> dict[str, object]:
        """Return the arguments of CreateTable."""
        keys = [self.partition_key, *([] if self.sort_key is None else [self.sort_key])]
        for index in self.indexes:
            keys += [index.partition_key, index.sort_key]
        arguments: dict[str, object] = {
            "TableName": self.physical_name(prefix),
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": _key_schema(self.partition_key, self.sort_key),
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": "S"} for name in dict.fromkeys(keys)
            ],
        }
        if self.indexes:
            arguments["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": index.name,
                    "KeySchema": _key_schema(index.partition_key, index.sort_key),
                    "Projection": {"ProjectionType": "ALL"},
                }
                for index in self.indexes
            ]
        return arguments


CONNECTORS = Table(logical_name="connectors", stream=StreamView.KEYS_ONLY)
NUMBERS = Table(logical_name="numbers", stream=StreamView.NEW_IMAGE)
LIVE_CALLS = Index(name="live", partition_key="live_node", sort_key="started_at")
CALLS_OF_CONNECTOR = Index(name="connector", partition_key="connector_id", sort_key="started_at")
CALLS_OF_NUMBER = Index(name="number", partition_key="number", sort_key="started_at")
CALLS = Table(
    logical_name="calls",
    partition_key="transaction_id",
    sort_key=None,
    indexes=(LIVE_CALLS, CALLS_OF_CONNECTOR, CALLS_OF_NUMBER),
    expires=True,
)
NODES = Table(logical_name="nodes", expires=True)
FEED = Table(logical_name="feed", expires=True)
LIMITS = Table(logical_name="limits", partition_key="connector_id", sort_key=None, expires=True)
TABLES = (CONNECTORS, NUMBERS, CALLS, NODES, FEED, LIMITS)

DEFAULT_PREFIX = "ovc"


def cdr_bucket_name(prefix: str, account_id: str, region: str) -> str:
    """Return the name of the bucket that a deployment creates for its records."""
    return f"{prefix}-cdr-{account_id}-{region}"


def edge_log_group_name(prefix: str) -> str:
    """Return the name of the CloudWatch log group that a deployment's edge writes to."""
    return f"/{prefix}/edge"


def access_keys_secret_name(prefix: str) -> str:
    """Return the name of the secret that holds a deployment's access keys (A2)."""
    return f"{prefix}/access-keys"


def tls_secret_name(prefix: str) -> str:
    """Return a good name for the secret of the edge's certificate; the deployment chooses (W8)."""
    return f"{prefix}/tls"


def carrier_secret_name(prefix: str, carrier: str) -> str:
    """Return a good name for the secret of a carrier's password; the settings choose (F13)."""
    return f"{prefix}/carriers/{carrier}"


def key(partition: str, sort: str) -> Item:
    """Return a primary key in typed JSON."""
    return {PARTITION_KEY: {"S": partition}, SORT_KEY: {"S": sort}}


def _key_schema(partition_key: str, sort_key: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": partition_key, "KeyType": "HASH"}]
    if sort_key is not None:
        schema.append({"AttributeName": sort_key, "KeyType": "RANGE"})
    return schema
