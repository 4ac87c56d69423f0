"""Checks a bundle in seconds. An environment update takes 20 minutes to report the same errors."""
