"""Load a script of docker/ as a module. docker/ is not a package, because each script is copied into an image alone."""

import importlib.util
from pathlib import Path

DOCKER = Path(__file__).parents[2] / "docker"


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCKER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
