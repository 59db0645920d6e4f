"""A loader's worker: how its process begins, and which signals it leaves to the process that it works for."""

import os
import signal
import threading

from posepyr.data.loading.loader import prepare_worker


def start_worker(_worker: int = 0) -> None:
    """Prepare this process as a loader's worker."""
    prepare_worker()
    leave_signals_to_parent()


def leave_signals_to_parent() -> None:
    """Ignore the signals that ask a run to end, but for the parent's own SIGTERM.

    ``scancel``, ``timeout`` and Ctrl-C send theirs to a whole group of processes: without its workers the training
    could not finish the step after which it saves. Python sends SIGTERM to the workers that are left when it exits,
    and waits for them: so that one has to end them. Where the parent is gone, Torch's own watch ends them.
    """
    for name in ("SIGINT", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # A handler in Python is not told who sent a signal; a thread that waits for the signal is, where the system can.
    if hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        threading.Thread(target=_end_for, args=(os.getppid(),), daemon=True).start()


def _end_for(parent: int) -> None:
    """Wait until the parent asks this process to end, and end it."""
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
        pass
    # As Torch's own handler does: any other exit code would be reported as a failure.
    os._exit(0)
