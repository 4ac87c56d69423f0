"""The laptop's AWS: one process on one port that really executes what the data platform asks of AWS.

It is not deployed and the bundle does not import it; the bundle only sees another endpoint and other credentials.
"""
