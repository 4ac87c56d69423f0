"""Commands for developers of this repository. ``python -m dev --help`` lists them."""
