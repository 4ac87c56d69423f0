"""The marts: tables that are calculated from the fact table. They are refreshed from the load log."""
