"""The one port: which service a request is for, whether it is admitted, and the log of calls."""
