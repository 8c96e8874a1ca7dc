"""Stands between a broker and the process that wanted it: when either ends, the other is not left behind alone.

    python -I broker_guard.py embedded CONFIG        the embedded broker in this process
    python -I broker_guard.py mosquitto PATH CONFIG  Mosquitto as a child that the kernel kills with this process

Run by its path, standard library only, so that it starts in a few ms. The owner holds our stdin open; its end is our end. A death
signal from the kernel alone would not do between owner and guard: it is sent when the *thread* that started the child ends.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    kind, *words = sys.argv[1:]
    if kind == "mosquitto":
        binary, config = words
        parent, libc = os.getpid(), ctypes.CDLL(None, use_errno=True)

        def die_with_parent() -> None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it was gone before the signal was set
                os._exit(1)

        child = subprocess.Popen([binary, "-c", config], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        threading.Thread(target=_wait_for_owner, args=(child,), daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        sys.exit(child.wait())
    from iotcore.iotcore import IotCoreBroker

    threading.Thread(target=_wait_for_owner, args=(None,), daemon=True).start()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    IotCoreBroker(config_path=words[0]).run_forever()


def _wait_for_owner(child: subprocess.Popen | None) -> None:
    while os.read(0, 1024):  # nothing is ever sent: this returns when the owner's end is closed
        pass
    if child is not None:
        child.kill()
    os._exit(0)


if __name__ == "__main__":
    main()
