"""The curation of crypto prices on AWS Glue: raw exchange answers in, audited Parquet and a report of it out.

The order of the story: ``arguments`` -> ``raw_manifests`` -> ``raw_records`` -> ``parsers`` -> ``candles`` ->
``quality`` -> ``deduplication`` -> ``accounting`` -> ``lake_files`` -> ``carry_over`` -> ``curation_report``,
put in order by ``curation``. ``schemas`` is the one definition of the columns.
"""
