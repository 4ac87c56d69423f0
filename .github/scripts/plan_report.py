"""Describes a Terraform plan for the people who approve it. Needs only the standard library.

It reads Terraform's JSON form of a plan: https://developer.hashicorp.com/terraform/internals/json-format.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# https://docs.github.com/en/rest/issues/comments: a comment has at most 65,536 characters.
DEFAULT_LIMIT = 40_000

_NOTHING = (["no-op"], ["read"])
_WORDS = {
    ("create",): "create",
    ("update",): "change",
    ("delete",): "delete",
    ("forget",): "forget",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
}
_LOSSES = ("delete", "replace", "forget")


def changes(plan: Mapping[str, Any]) -> dict[str, str]:
    """Return what happens to each resource that changes, by address."""
    found = {}
    for change in plan.get("resource_changes", []):
        actions = change["change"]["actions"]
        if actions not in _NOTHING:
            found[change["address"]] = _WORDS.get(tuple(actions), " and ".join(actions))
    return found


def digest(plan: Mapping[str, Any]) -> str:
    """Return a checksum of all changes, with their old and new values.

    Two plans have the same checksum if they make the same changes to resources and outputs that have the same values.
    It is how the apply knows that its plan is the one that was approved.
    """
    made = {
        "resources": [
            change for change in plan.get("resource_changes", []) if change["change"]["actions"] not in _NOTHING
        ],
        "outputs": {
            name: change for name, change in plan.get("output_changes", {}).items() if change["actions"] not in _NOTHING
        },
    }
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


def markdown(plan: Mapping[str, Any], text: str, environment: str, limit: int) -> str:
    """Return the plan as Markdown. Names and values from the plan appear only in code blocks.

    Args:
        plan: The JSON form.
        text: The plan as Terraform shows it to people.
        environment: The name of the environment.
        limit: The maximum number of characters of the plan. GitHub refuses longer comments.
    """
    made = changes(plan)
    counts = Counter(made.values())
    summary = ", ".join(f"{counts[word]} to {word}" for word in sorted(counts)) or "no changes"
    parts = [f"### Plan for {environment}: {summary}"]
    if lost := [f"{word} {address}" for address, word in made.items() if word in _LOSSES]:
        parts.append(f"**Deleted or replaced:**\n\n{_block(_shortened(chr(10).join(lost), limit // 4))}")
    if made:
        shown = _shortened(text.strip(), limit)
        parts.append(f"<details><summary>The plan</summary>\n\n{_block(shown)}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit} more characters: see the log of the job"


def _block(text: str) -> str:
    """Return a code block. Its fence is longer than any row of backticks in the text, which therefore cannot end it."""
    longest = max((len(row) for row in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def main(arguments: Sequence[str]) -> int:
    """Print the description, or the checksum of the changes.

    Args:
        arguments: The command line after the command.

    Returns:
        The exit code, 0.
    """
    parser = argparse.ArgumentParser(prog="plan_report.py", description="Describe a Terraform plan.")
    parser.add_argument("--json", type=Path, required=True, help="the output of `terraform show -json <plan>`")
    parser.add_argument("--text", type=Path, help="the output of `terraform show -no-color <plan>`")
    parser.add_argument("--environment", type=_name, help="the name of the environment")
    parser.add_argument("--limit", type=int, default=DEFAULT_LIMIT, help="the maximum number of characters of the plan")
    parser.add_argument("--digest", action="store_true", help="print only a checksum of all changes")
    options = parser.parse_args(arguments)
    plan = json.loads(options.json.read_text(encoding="utf-8"))
    if options.digest:
        print(digest(plan))
        return 0
    if options.text is None or options.environment is None:
        parser.error("--text and --environment are required without --digest")
    print(markdown(plan, options.text.read_text(encoding="utf-8"), options.environment, options.limit), end="")
    return 0


def _name(text: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9-]*", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of an environment (lower-case letters, digits, -)")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
