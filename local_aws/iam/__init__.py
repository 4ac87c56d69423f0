"""IAM as AWS enforces it: identifies the caller, lists the checks of a call, evaluates policies and logs decisions."""
