"""The curation of crypto prices on AWS Glue: reads raw exchange responses, writes audited Parquet and a report.

``curation`` runs the steps in this order: ``arguments`` -> ``raw_manifests`` -> ``raw_records`` (with ``plain_bodies``
and ``parsers``) -> ``candles`` -> ``quality`` -> ``deduplication`` -> ``accounting`` -> ``lake_files`` ->
``carry_over`` -> ``curation_report``. ``schemas`` is the only definition of the columns.
"""
