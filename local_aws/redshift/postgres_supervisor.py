"""Starts a PostgreSQL program under an identity that PostgreSQL accepts, and ends the server when its owner dies.

``warehouse.py`` runs it as a script (standard library only, so that it starts in a few hundredths of a second):

    python -I -S postgres_supervisor.py {probe|run|supervise} {self|namespace|nobody} program [argument …]

``supervise`` watches its standard input, a pipe whose other end belongs to the owner. When the owner ends, by whatever
signal, the pipe reaches end of file. PR_SET_PDEATHSIG would not work here: it fires when the *thread* that started the
child ends, so a server started from a worker thread would not survive that thread. It is safe between this
single-threaded process and PostgreSQL.

PostgreSQL refuses to run with the effective user id 0. For root there are two ways, which neither create an OS user nor
change the permissions of a folder:

* ``namespace``: a user namespace that shows root's id as another id. The kernel still treats root as the owner, so a
  checkout below /root (mode 0700) works and no file changes its owner.
* ``nobody``: for machines that forbid user namespaces (Docker's default seccomp profile), the unprivileged user with
the
  ambient capability CAP_DAC_OVERRIDE, which lets it enter folders that only root may enter. The data then belongs to
  that user.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import select
import signal
import sys
import time

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522
_FAST_STOP_SECONDS = 20.0


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _checked(outcome: int, call: str) -> None:
    if outcome != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def _unprivileged_user() -> pwd.struct_passwd:
    """Return an OS user that has a name, because initdb looks up the name of its user."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody")
    return next(user for user in pwd.getpwall() if user.pw_uid != 0)


def _enter_namespace(libc: ctypes.CDLL) -> None:
    shown_as = _unprivileged_user()
    owner, group = os.geteuid(), os.getegid()
    _checked(libc.unshare(_CLONE_NEWUSER), "unshare(CLONE_NEWUSER)")
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{shown_as.pw_uid} {owner} 1"),
        ("gid_map", f"{shown_as.pw_gid} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)


def _become_nobody(libc: ctypes.CDLL) -> None:
    user = _unprivileged_user()
    _checked(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl(PR_SET_KEEPCAPS)")
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    wanted = 1 << _CAP_DAC_OVERRIDE
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * 2)(_CapabilityData(wanted, wanted, wanted), _CapabilityData(0, 0, 0))
    _checked(libc.capset(ctypes.byref(header), data), "capset")
    _checked(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0), "prctl(PR_CAP_AMBIENT)")


def _assume(identity: str) -> None:
    if identity == "self":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if identity == "namespace":
        _enter_namespace(libc)
    else:
        _become_nobody(libc)


def _die_with_parent(parent: int) -> None:
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        _checked(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # the parent died before the flag was set
            os._exit(1)


def _supervise(command: list[str]) -> int:
    """Run the server until it ends or standard input is closed. Then stop it: first fast, then immediately."""
    wake_reader, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer)
    stop_requested = False

    def request_stop(_number: int, _frame: object) -> None:
        nonlocal stop_requested
        stop_requested = True

    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)

    parent = os.getpid()
    child = os.fork()
    if child == 0:
        # The server must neither hold the owner's pipe nor inherit the signal handling.
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        _die_with_parent(parent)
        os.execv(command[0], command)  # noqa: S606

    give_up_at: float | None = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        wait = None if give_up_at is None else max(0.0, give_up_at - time.monotonic())
        readable, _, _ = select.select([wake_reader] if give_up_at is not None else [0, wake_reader], [], [], wait)
        if wake_reader in readable:
            os.read(wake_reader, 4096)
        if give_up_at is None and (stop_requested or (0 in readable and os.read(0, 4096) == b"")):
            os.kill(child, signal.SIGINT)
            give_up_at = time.monotonic() + _FAST_STOP_SECONDS
        elif give_up_at is not None and time.monotonic() >= give_up_at:
            os.kill(child, signal.SIGQUIT)
            give_up_at = time.monotonic() + _FAST_STOP_SECONDS


def _main(arguments: list[str]) -> int:
    mode, identity, *command = arguments
    try:
        _assume(identity)
    except OSError as error:
        sys.stderr.write(f"identity {identity} is not available: {error}\n")
        return 3
    if mode == "probe":
        # PostgreSQL's program must be executable, and the folder must be usable.
        program, folder = command
        ok = os.geteuid() != 0 and os.access(program, os.X_OK) and os.access(folder, os.R_OK | os.W_OK | os.X_OK)
        return 0 if ok else 3
    if mode == "run":
        os.execv(command[0], command)  # noqa: S606
    return _supervise(command)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
