import pytest
from crypto_prices_contract.job_arguments import JobArguments, option, sources_as_text, sources_from_text
from crypto_prices_etl.arguments import OPTION_NAMES

GIVEN = JobArguments(**{name: f"value of {name}" for name in JobArguments.names()})


def test_the_job_requests_every_argument_that_the_dag_passes():
    passed = GIVEN.as_job_arguments()
    assert set(passed) == {option(name) for name in OPTION_NAMES} - {"--JOB_NAME"}
    resolved = {name.removeprefix("--"): value for name, value in passed.items()}
    assert JobArguments.from_options(resolved) == GIVEN


@pytest.mark.parametrize(("sources", "text"), [([], "none"), (["coinbase", "binance"], "binance,coinbase")])
def test_accepted_sources_are_passed_as_text(sources, text):
    assert sources_as_text(sources) == text
    assert sources_from_text(text) == frozenset(sources)
