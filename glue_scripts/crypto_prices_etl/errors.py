"""The errors that a curation raises deliberately."""


class CurationError(Exception):
    """The job must not publish. The message has the problem, its location, and what to do."""


class RejectedRecordsError(CurationError):
    """Records were rejected, and another curation of the same raw records would reject them again.

    The message begins with a code from ``crypto_prices_contract.error_codes``, so that Airflow does not retry.

    Args:
        code: The code.
        problem: What is wrong, where, and what to do.
    """

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(f"{code} {problem}")
        self.code = code
