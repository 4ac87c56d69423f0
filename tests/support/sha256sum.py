"""The program sha256sum, which the scripts of the workflows and the documentation use."""

import shutil

import pytest

needs_sha256sum = pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
