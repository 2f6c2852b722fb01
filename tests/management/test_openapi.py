"""The published description of the API: up to date, complete and well formed; no socket."""

import json
import re
from typing import Any

import pytest

from lambdas.management.operations import CHANGES, READS
from lambdas.management.service_model import load
from scripts.openapi import FILE, text

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())
MODEL = load()
SERVED = {
    described["operationId"]: (key, method, described)
    for key, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
}


def test_the_file_is_what_the_code_says() -> None:
    assert FILE.read_text() == text(), "make openapi writes it anew"


def test_it_has_what_is_implemented_and_nothing_else() -> None:
    # ARCHITECTURE A1
    assert SERVED.keys() == READS.keys() | CHANGES.keys()


@pytest.mark.parametrize("name", sorted(SERVED))
def test_an_operation_is_described_as_the_model_has_it(name: str) -> None:
    # API W2 W6 E6
    operation = MODEL.operations[name]
    key, method, described = SERVED[name]
    assert key.partition("#")[0] == operation.path
    assert method == operation.method.lower()
    constants = (
        {
            it["name"]: it["schema"]["const"]
            for it in described["parameters"]
            if it["required"] and "const" in it["schema"]
        }
        if "parameters" in described
        else {}
    )
    assert constants == operation.constant_query
    labels = {it["name"] for it in described.get("parameters", ()) if it["in"] == "path"}
    assert labels == set(re.findall(r"\{(\w+)\}", operation.path))
    (done,) = [status for status in described["responses"] if status < "3"]
    assert int(done) == operation.status
    errors = {
        shape
        for answer in described["responses"].values()
        for shape in answer.get("headers", {}).get("x-amzn-ErrorType", {"schema": {"enum": ()}})[
            "schema"
        ]["enum"]
    }
    assert operation.errors <= errors
    assert ("content" in described["responses"][done]) is (operation.output is not None)


def test_every_reference_leads_somewhere() -> None:
    def walk(value: Any) -> None:
        match value:
            case {"$ref": str(reference)}:
                target: Any = DOCUMENT
                for part in reference.removeprefix("#/").split("/"):
                    target = target[part]
            case dict():
                for inner in value.values():
                    walk(inner)
            case list():
                for inner in value:
                    walk(inner)

    walk(DOCUMENT)
    names = {name for name in DOCUMENT["components"]["schemas"]}
    used = set(re.findall(r"#/components/schemas/(\w+)", FILE.read_text()))
    assert names == used


def test_operations_of_one_path_and_method_have_keys_of_their_own() -> None:
    # API W2
    restore = "/phone-numbers/{phoneNumberId}#operation=restore"
    for name, (key, _, _) in SERVED.items():
        constants = MODEL.operations[name].constant_query
        assert ("#" in key) is bool(constants)
        assert key != restore or name == "RestorePhoneNumber"
    places = [(key, method) for key, method, _ in SERVED.values()]
    assert len(places) == len(set(places)) == len(SERVED)


def test_patterns_are_for_the_whole_value() -> None:
    # API V2
    name = DOCUMENT["components"]["schemas"]["VoiceConnectorName"]
    assert name == {
        "type": "string",
        "pattern": "^(?:[a-zA-Z0-9 _.-]+)$",
        "minLength": 1,
        "maxLength": 256,
    }
