"""What a bill's lines are told apart by, and how it is written: choices of the command line."""

from enum import Enum


class Column(Enum):
    """A column of the bill that its lines may have in common."""

    CONNECTOR = "connector"
    NUMBER = "number"
    DIRECTION = "direction"
    COUNTRY = "country"
    ROUTE = "route"
    RATE = "rate"


class Form(Enum):
    """How a bill is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
