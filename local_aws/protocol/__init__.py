"""The AWS wire protocols: requests, answers and errors as AWS SDKs read and write them."""
