"""The errors with which a curation fails on purpose."""


class CurationError(Exception):
    """The job must not publish; the message says what was wrong, where, and what to do."""


class RuleFailedError(CurationError):
    """Records broke a rule that is to fail: curating the same raw records again would end the same way."""


class RejectedShareError(CurationError):
    """Too many records were rejected: curating the same raw records again would end the same way."""
