"""The thread of the AWS worker that looks whether secrets have changed.

Secrets Manager tells nobody of a change. What was read last stands while it is away (A9).
"""

from collections.abc import Callable, Sequence
from threading import Event

from edge.runtime.aws_messages import SecretRead, SecretsLooked
from edge.runtime.backoff import Backoff
from edge.runtime.log import Logger
from edge.runtime.secret_store import SecretProblemError, SecretStore

LOOK_EVERY_S = 300.0
"""A look is one GetSecretValue: 8,760 in a month, 0.044 USD for each secret and node."""
FIRST_RETRY_S = 5.0

Report = Callable[[SecretRead | SecretsLooked], None]


class SecretWatch:
    """What was read last of some secrets."""

    def __init__(
        self, store: SecretStore, secret_ids: Sequence[str], *, report: Report, log: Logger
    ) -> None:
        self._store = store
        self._secret_ids = secret_ids
        self._report = report
        self._log = log
        self._texts: dict[str, str] = {}
        self._problems: dict[str, str] = {}

    def look(self) -> bool:
        """Report what has changed; tell whether all could be read."""
        for secret_id in self._secret_ids:
            try:
                text = self._store.read(secret_id)
            except SecretProblemError as error:
                self._complain(secret_id, str(error))
                continue
            if self._problems.pop(secret_id, None) is not None:
                self._log("secret-back", {"secret": secret_id})
            if text != self._texts.get(secret_id):
                self._texts[secret_id] = text
                self._report(SecretRead(secret_id, text))
        self._report(SecretsLooked())
        return not self._problems

    def _complain(self, secret_id: str, problem: str) -> None:
        """Say why a secret cannot be read, once for each reason."""
        if self._problems.get(secret_id) != problem:
            self._problems[secret_id] = problem
            kept = "what was read before stays in use" if secret_id in self._texts else "none yet"
            fields = {"secret": secret_id, "reason": problem, "hint": kept}
            self._log("secret-unreadable", fields)


def watch_secrets(watch: SecretWatch, wake: Event, *, every_s: float = LOOK_EVERY_S) -> None:
    """Look again and again, for ever: every five minutes, sooner after a failure or when woken."""
    backoff = Backoff(first_s=min(FIRST_RETRY_S, every_s), longest_s=every_s)
    while True:
        if watch.look():
            backoff.reset()
            wait_s = every_s
        else:
            wait_s = backoff.next_s()
        wake.wait(wait_s)
        wake.clear()
