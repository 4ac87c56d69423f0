import pytest
from crypto_prices.plan.check_params import ParamError, check_params

DECLARED = ("day", "force", "reload")


@pytest.mark.parametrize("conf", [None, {}, {"day": "2024-01-05"}, {"reload": True, "force": False}])
def test_declared_params_are_accepted(conf):
    check_params(conf, DECLARED)


def test_unknown_params_are_refused_with_those_of_the_dag():
    with pytest.raises(ParamError, match=r"relaod, start.*day, force, reload"):
        check_params({"day": "2024-01-05", "start": "2024-01-05", "relaod": True}, DECLARED)
