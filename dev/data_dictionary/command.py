"""``python -m dev data-dictionary``: write docs/reference/data-dictionary.md."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dev.data_dictionary.page import data_dictionary_page
from local_platform.checkout import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "data-dictionary.md"


def main(arguments: Sequence[str]) -> int:
    """Write the page.

    Args:
        arguments: The command line after the command.

    Returns:
        The process's exit code.
    """
    argparse.ArgumentParser(
        prog="python -m dev data-dictionary",
        usage="%(prog)s [options]",
        description=f"Write {PAGE.relative_to(REPOSITORY)} from crypto_prices_contract/data_dictionary.py.",
    ).parse_args(arguments)
    PAGE.write_text(data_dictionary_page())
    print(f"wrote {PAGE}")
    return 0
