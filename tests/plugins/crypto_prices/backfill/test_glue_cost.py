import pytest
from crypto_prices.backfill.glue_cost import GlueJob, PastGlueRun

from tests.support.backfill_plans import plan


def test_a_short_glue_run_is_billed_for_a_minute():
    assert plan(glue=GlueJob(2, [PastGlueRun(31, 20)])).dpu_minutes == 2


@pytest.mark.parametrize(
    ("days", "past", "seconds"),
    [
        (31, [(1, 60)] * 30 + [(31, 500), (30, 300)], 400),
        (31, [(62, 800), (16, 200), (15, 9), (63, 9)], 500),
        (1, [(31, 500), (2, 80), (1, 60)], 70),
        (31, [(1, 60), (7, 110), (1, 70), (7, 90)], 100),
        (31, [(30, 300)] * 4 + [(31, 600)] * 12, 600),
        (2, [(2, 10)] * 10 + [(2, 900)], 10),
    ],
    ids=["alike", "half to twice as long", "a day", "none alike: the nearest", "nearest first", "newest first"],
)
def test_the_cost_is_estimated_from_runs_of_similar_windows(days, past, seconds):
    assert GlueJob(2, [PastGlueRun(*run) for run in past]).estimate(days).seconds == seconds
