"""The errors with which a curation fails on purpose."""


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
