"""The environment of the local run: without the user's own AWS set-up and without proxies.

A profile, a session token or an endpoint of the shell that `ovc` is typed in would send a client
somewhere else; a proxy cannot reach this machine's loopback interface.
"""

import os
from collections.abc import Mapping, MutableMapping

_FOREIGN_PREFIXES = ("AWS_", "OVC_", "MOTO_")
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_INSTEAD = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def isolated(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what could lead an AWS client away from the local run."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_FOREIGN_PREFIXES) and name.lower() not in _PROXIES
    }
    return {**kept, **_INSTEAD}


def isolate(environ: MutableMapping[str, str]) -> None:
    """Change an environment into its isolated form."""
    wanted = isolated(environ)
    for name in set(environ) - set(wanted):
        del environ[name]
    environ.update(wanted)
