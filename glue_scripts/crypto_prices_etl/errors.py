"""The error with which a curation fails on purpose."""


class CurationError(Exception):
    """The job must not publish; the message says what was wrong, where, and what to do."""
