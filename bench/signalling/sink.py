"""A cheap AWS: answers the edge's DynamoDB reads from memory, takes its rows and its S3 PUTs.

moto's server does about 300 requests per second and would be the limit above some 70 calls per
second; this one is none.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.signalling.world import BUCKET
from model import tables
from model.codec import Item, Plain, encode_item
from model.connector import Connector
from model.connector_items import connector_members
from model.number_items import number_members
from model.numbers import InventoryNumber
from model.tables import PARTITION_KEY, SORT_KEY


class Sink:
    """A server on a free port of loopback, in threads of this process."""

    def __init__(
        self,
        connectors: Iterable[Connector],
        numbers: Iterable[InventoryNumber],
        keep: Callable[[str, bytes], None] = lambda key, body: None,
    ) -> None:
        """Serve this configuration; `keep` takes every object that is put, in any thread."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.keep = keep
        self._server.partitions = {
            tables.CONNECTOR: [encode_item(connector_members(it)) for it in connectors],
            tables.INVENTORY: [encode_item(number_members(it)) for it in numbers],
        }
        settings: dict[str, Plain] = {
            PARTITION_KEY: tables.SETTINGS,
            SORT_KEY: tables.GLOBAL,
            "cdr_bucket": BUCKET,
        }
        self._server.items = {
            (tables.SETTINGS, tables.GLOBAL): encode_item(settings),
        }
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Return the endpoint for every service."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def objects(self) -> int:
        """Return how many objects were put."""
        return self._server.objects

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    partitions: Mapping[str, list[Item]]
    items: Mapping[tuple[str, str], Item]
    keep: Callable[[str, bytes], None]
    objects = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        """Answer DynamoDB."""
        request = json.loads(self._body())
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        if operation == "BatchWriteItem":
            self._answer({"UnprocessedItems": {}})
        elif operation == "Query":
            partition = next(iter(request["ExpressionAttributeValues"].values()))["S"]
            items = self.server.partitions.get(partition, [])
            self._answer({"Items": items, "Count": len(items), "ScannedCount": len(items)})
        elif operation == "BatchGetItem":
            ((table, asked),) = request["RequestItems"].items()
            keys = [(it[PARTITION_KEY]["S"], it[SORT_KEY]["S"]) for it in asked["Keys"]]
            found = [self.server.items[it] for it in keys if it in self.server.items]
            self._answer({"Responses": {table: found}, "UnprocessedKeys": {}})
        else:
            self._answer({})

    def do_PUT(self) -> None:
        """Take an object."""
        self.server.keep(self.path, self._body())
        self.server.objects += 1
        self.send_response(200)
        self.send_header("ETag", '"0"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _answer(self, document: Mapping[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
