"""Runs moto for the services that need no execution: its state on disk, and extensions for what it lacks."""
