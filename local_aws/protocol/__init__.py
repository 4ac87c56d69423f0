"""The AWS wire protocols: requests, responses and errors as AWS SDKs write and read them."""

import os

# moto reads the first of these when it is imported, and this package is the first to import it.
os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")  # Web pages must not call the emulator.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # Instances are refused, and loading costs a second.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")  # Roles attach AWS's managed policies (0.1 s).
