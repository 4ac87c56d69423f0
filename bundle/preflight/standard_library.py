"""The standard library of a Python version other than the one that runs the check."""

from __future__ import annotations

import sys

# https://docs.python.org/3/whatsnew/3.12.html#removed and …/3.13.html#removed-modules-and-apis
_REMOVED = {
    (3, 12): frozenset({"asynchat", "asyncore", "distutils", "imp", "smtpd"}),
    (3, 13): frozenset(
        {"aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis"}
        | {"nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"}
    ),
}


def in_standard_library(module: str, version: tuple[int, int]) -> bool:
    """Return whether a Python version has a top-level module, as far as the running Python can tell.

    Args:
        module: The module's name.
        version: The Python version to look up, major and minor.
    """
    for removed_in, modules in _REMOVED.items():
        if module in modules:
            return version < removed_in
    return module in sys.stdlib_module_names
