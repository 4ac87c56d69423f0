"""The one port of the emulator: routes requests to services, admits or refuses them, and logs the calls."""
