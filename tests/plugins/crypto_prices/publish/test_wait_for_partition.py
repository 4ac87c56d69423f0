from unittest import mock

import pytest
from airflow.providers.amazon.aws.sensors.glue_catalog_partition import GlueCatalogPartitionSensor

from tests.support.tasks import batch, day_version, report

EMPTY = day_version("2023-12-18") | {"curated": 0, "carried_over": 0}


@pytest.mark.parametrize(
    ("days", "waits"),
    [
        ({"2023-12-18": day_version("2023-12-18")}, True),
        ({"2023-12-18": EMPTY, "2023-12-19": day_version("2023-12-19")}, True),
        ({"2023-12-18": EMPTY}, False),
        ({}, False),
    ],
)
def test_it_waits_only_for_a_load_with_rows(make_task, make_context, days, waits):
    context = make_context(plan_load=batch().as_xcom(), read_curation_report=report(batch(), days=days))
    with mock.patch.object(GlueCatalogPartitionSensor, "execute", return_value="waited") as execute:
        assert make_task("wait_for_partition").execute(context) == ("waited" if waits else None)
    assert execute.called is waits
