"""botocore's descriptions of AWS's services, read once in a process.

Each session of boto3 looks through the folders of all services and reads those that it makes
clients of: a tenth of a second, hundreds of times in a run of the tests. All clients of one session
use the same objects, so nobody changes them.
"""

from typing import Any

from botocore.loaders import JSONFileLoader, Loader


def read_once() -> None:
    """Let the sessions of this process share what they read."""
    read, look = JSONFileLoader.load_file, Loader.list_available_services
    content: dict[str, Any] = {}
    services: dict[tuple[str, ...], list[str]] = {}

    def load_file(loader: JSONFileLoader, file_path: str) -> Any:
        if file_path not in content:
            found = read(loader, file_path)
            if found is None:
                # A file may still come.
                return None
            content[file_path] = found
        return content[file_path]

    def list_available_services(loader: Loader, type_name: str) -> list[str]:
        where = (type_name, *loader.search_paths)
        if where not in services:
            services[where] = look(loader, type_name)
        return services[where]

    JSONFileLoader.load_file = load_file  # type: ignore[method-assign,assignment]  # botocore's class
    Loader.list_available_services = list_available_services  # type: ignore[method-assign,assignment]
