"""Every command that a page of the docs tells to type exists, and every link leads somewhere."""

from pathlib import Path

import pytest

from tests.infra.guides import anchors, check_aws, check_links, check_ours, commands
from tests.infra.synthesis import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_exist(page: Path) -> None:
    text = page.read_text()
    check_aws(list(commands(text, "aws")))
    check_ours(list(commands(text, "ovc")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    check_links(page)
    found = [it for it in anchors(page) if it]
    twice = {it for it in found if found.count(it) > 1}
    assert not twice, f"two headings have one anchor: {twice}"


def test_the_guide_has_commands_to_check() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text()
    assert len(list(commands(guide, "aws"))) >= 2
    assert len(list(commands(guide, "ovc"))) > 8


def test_what_stands_before_and_behind_a_command_is_left_out() -> None:
    block = "    tasks=$(aws ecs list-tasks --cluster x \\\n      --query 'a' --output text)\n"
    assert list(commands(block, "aws")) == [
        ["aws", "ecs", "list-tasks", "--cluster", "x", "--query", "a", "--output", "text"]
    ]
    block = "    aws ecs list-tasks --cluster x | xargs aws ec2 describe-regions --output text\n"
    assert [words[1] for words in commands(block, "aws")] == ["ecs", "ec2"]
    block = "    ovc keys list --json > keys.json\n    .venv/bin/ovc cdr tail --once   # waits\n"
    assert list(commands(block, "ovc")) == [
        ["ovc", "keys", "list", "--json"],
        ["ovc", "cdr", "tail", "--once"],
    ]


def test_a_command_that_does_not_exist_is_found() -> None:
    with pytest.raises(AssertionError, match="ecs has no list-nodes"):
        check_aws([["aws", "ecs", "list-nodes", "x"]])
    with pytest.raises(AssertionError, match="cluster-name"):
        check_aws([["aws", "ecs", "list-tasks", "--cluster-name", "x"]])
    with pytest.raises(AssertionError, match="make"):
        check_ours([["ovc", "keys", "make"]])
    with pytest.raises(AssertionError, match="--overlay"):
        check_ours([["ovc", "keys", "rotate", "ID", "--overlay", "2"]])
