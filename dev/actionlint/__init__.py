"""Builds actionlint, which has no wheel on PyPI, from its Go module, and runs it."""
