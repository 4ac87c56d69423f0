"""The one account of the local AWS: its number, its default region, and its administrator's access key."""

from __future__ import annotations

ACCOUNT_ID = "123456789012"
DEFAULT_REGION = "us-east-1"
ROOT_ACCESS_KEY = "local-aws"
"""Identifies the administrator. Signatures are not verified, so the secret key can be any text."""
