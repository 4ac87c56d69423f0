"""The curation of crypto prices on AWS Glue: raw exchange answers in, audited Parquet and catalog partitions out.

The order of the story: ``arguments`` -> ``raw_records`` -> ``parsers`` -> ``quality`` -> ``deduplication`` ->
``curated_files`` -> ``publish``, put in order by ``curation``. ``schemas`` is the one definition of the columns.
"""
