"""What the DAGs are made of: settings, windows, exchange sources, the raw zone and the operators that use them.

In the order of the data: ``settings`` and ``window`` say what to take, ``sources`` and ``http_client`` fetch it,
``raw_zone`` lands it, ``batch`` names one load of it, ``curation_report`` tells what the Glue job made of it,
``warehouse`` speaks to Redshift and ``reconciliation`` compares what each step counted.
"""
