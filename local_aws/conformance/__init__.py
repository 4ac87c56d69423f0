"""Runs documented examples of AWS against the local AWS or a real account, and compares the results.

The examples are data: ``sql/<area>.yaml`` (Redshift SQL), ``api/<service>.yaml`` (API calls) and
``clients/checks.yaml`` (programs of third parties). ``python -m local_aws.conformance --help`` describes the options.
"""
