"""Where emergency codes are dialed to: the customer's own emergency service (EDGE R37, API EC1)."""

from phonenumbers.shortnumberinfo import is_emergency_number

from model.configurations import EmergencyCalling

_TEST_CODES = {"US": "933", "CA": "933"}
"""What tries the route without an emergency; other countries have no common code."""


def routed_number(dialed: str, emergency: EmergencyCalling | None) -> str | None:
    """Return the number that an emergency code is dialed as, None for whatever is no such code.

    A code is written bare, or with the + that some PBXs put before everything. It counts in the
    country that the entry's calls come from; the first entry that knows it decides.
    """
    if emergency is None:
        return None
    code = dialed.removeprefix("+")
    for entry in emergency.numbers:
        if is_emergency_number(code, entry.country):
            return entry.emergency_number
        if entry.test_number is not None and code == _TEST_CODES.get(entry.country):
            return entry.test_number
    return None
