"""Writes the table of docs/refusals.md: every reason for a refusal, or for silence.

python -m scripts.refusals
"""

from pathlib import Path

from edge.policy.reasons import Reason

FILE = Path(__file__).parent.parent / "docs" / "refusals.md"

_LINE = "|---|---|---|---|---|\n"
"""What is above the table's rows is written by hand."""


def text() -> str:
    """Return the page as it should be."""
    head, line, _ = FILE.read_text().partition(_LINE)
    return head + line + "".join(f"{_row(reason)}\n" for reason in Reason)


def _row(reason: Reason) -> str:
    entry = reason.value
    answer = ", ".join(map(str, entry.statuses)) or "none"
    shown = entry.text.replace("<", "&lt;").replace(">", "&gt;")
    shown = f"*{shown}*" if entry.in_phrase else shown
    return f"| `{entry.code}` | {answer} | {shown} | {entry.rules} | {entry.remedy} |"


def main() -> None:
    """Write the table anew."""
    FILE.write_text(text())


if __name__ == "__main__":
    main()
