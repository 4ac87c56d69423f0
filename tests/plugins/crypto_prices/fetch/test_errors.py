import pickle

from crypto_prices.fetch.errors import FatalSourceError


def test_errors_survive_pickling_between_processes():
    error = FatalSourceError("no", "Do.", "https://x/", 400, -1121)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.exchange_code) == (FatalSourceError, str(error), -1121)
    assert str(error) == "no (GET https://x/). Do."
