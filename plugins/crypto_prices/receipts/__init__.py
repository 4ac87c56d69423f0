"""Receipts: where a number comes from, with a check of every step between the exchange's response and the number.

The checks are independent of the code that loaded the number. ``raw_records`` and ``rules_again`` share no code with
the Glue job, and a test holds them against it.
"""
