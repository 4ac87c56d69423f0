"""The errors with which a curation fails on purpose."""

# The codes of crypto_prices_contract.error_codes; a test compares them.
TOO_MANY_REJECTED = "CP-11"
ROW_RULE_FAILED = "CP-12"
TOO_MANY_REJECTED_RANGES = "CP-13"


class CurationError(Exception):
    """The job must not publish; the message says what was wrong, where, and what to do."""


class RejectedRecordsError(CurationError):
    """Records were rejected, and curating the same raw records again would reject them again.

    The message begins with a code of ``crypto_prices_contract.error_codes``, by which Airflow decides not to retry.

    Args:
        code: The code.
        problem: What is wrong, where, and what to do.
    """

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(f"{code} {problem}")
        self.code = code
