import pytest
from crypto_prices.publish.versions_to_publish import NumberedLoad
from crypto_prices.reconcile.catalog_versions import CatalogDiffersError, check_published
from crypto_prices.reconcile.row_counts import ReconciliationError
from crypto_prices_contract.window import Window

from tests.support.curation_reports import REPORT

OWN = NumberedLoad(Window.parse("2023-12-18", "2023-12-20"), 7, "jr_1", frozenset())
LATER = NumberedLoad(Window.parse("2023-12-01", "2024-01-01"), 8, "jr_2", frozenset())
EARLIER = NumberedLoad(Window.parse("2023-12-18", "2023-12-19"), 6, "jr_0", frozenset())


@pytest.mark.parametrize(
    ("loads", "published"),
    [
        ([OWN], {"2023-12-18": "jr_1"}),
        ([EARLIER, OWN, LATER], {"2023-12-18": "jr_1"}),
        ([LATER, OWN], {"2023-12-18": "jr_2", "2023-12-19": "jr_2"}),
        ([OWN, LATER], {}),
    ],
    ids=["own", "own, although a later one has merged", "a later one", "a later one took the last rows away"],
)
def test_the_catalog_may_show_this_load_or_a_later_one(loads, published):
    check_published(REPORT, loads, published)


@pytest.mark.parametrize(
    ("loads", "published", "message"),
    [
        ([EARLIER, OWN], {"2023-12-18": "jr_0"}, r"2023-12-18 \(catalog: jr_0, this load: jr_1\)"),
        ([OWN], {"2023-12-18": "jr_9"}, r"2023-12-18 \(catalog: jr_9"),
        ([OWN], {}, r"2023-12-18 \(catalog: nothing"),
        ([EARLIER, OWN], {"2023-12-18": "jr_1", "2023-12-19": "jr_0"}, r"2023-12-19 \(catalog: jr_0"),
    ],
    ids=["an earlier one", "one that was never loaded", "nothing", "rows that are gone"],
)
def test_a_catalog_that_shows_an_older_version_is_a_retryable_error(loads, published, message):
    with pytest.raises(CatalogDiffersError, match=message):
        check_published(REPORT, loads, published)


def test_a_run_without_a_load_is_refused():
    with pytest.raises(ReconciliationError, match="no load of Glue run jr_1"):
        check_published(REPORT, [LATER], {"2023-12-18": "jr_2"})
