#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""lodge-screen while nobody looks, or nothing changes: it does not wake up.

usage: idle.py PROGRAM

In front of the stand-in for a machine, whose picture is painted anew 30 times a second if it is asked for, and
of QEMU's firmware, by either of its displays. A wakeup is a context switch of the process that it made itself (/proc/PID/status).
"""
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "rig", "screen")]

from checks import Checks, wait  # noqa: E402
from protocol import Control  # noqa: E402
from qemu import DBUS, Qemu, screen, settle, size_of  # noqa: E402
from rfb import Rfb  # noqa: E402
from screens import Screen  # noqa: E402

SECONDS = 3.0
TIMES = 10  # a machine that is busy may be late with what was before


def wakeups(pid):
    """In the quietest of some times: what wakes up by itself does so in all of them."""
    def switches():
        with open("/proc/%d/status" % pid, encoding="ascii") as status:
            return [int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt")][0]

    seen = []
    while len(seen) < TIMES and 0 not in seen:
        before = switches()
        time.sleep(SECONDS)
        seen.append(switches() - before)
    return min(seen)


def in_front_of_a_stand_in(check, program, folder):
    shown = Screen(program, folder, machine=("--fps", "30"))
    pid = shown.process.pid
    time.sleep(0.5)
    check("a machine that paints, nobody looks: no wakeups in %g s" % SECONDS, not (n := wakeups(pid)), n)
    control = Control(shown.control)
    control.info()
    check("a client of the control socket that asks nothing", not (n := wakeups(pid)), n)
    viewer = Rfb(shown.vnc)
    viewer.request()
    pictures = 0
    for _, kinds in viewer.events(2.0):
        pictures += "pixels" in kinds
        viewer.request()
    check("a viewer that asks sees it", pictures > 5, pictures)
    viewer.close()
    time.sleep(0.5)
    check("the viewer has gone", not (n := wakeups(pid)), n)
    control.capture()
    time.sleep(0.5)
    check("after a capture", not (n := wakeups(pid)), n)
    shown.close()


def with_nothing_that_changes(check, program, folder):
    shown = Screen(program, folder)
    viewer = Rfb(shown.vnc)
    viewer.drain(0.5)
    viewer.request()
    time.sleep(0.5)
    n = wakeups(shown.process.pid)
    check("a viewer looks at a picture that does not change", not n, n)
    viewer.close()
    shown.close()


def in_front_of_qemu(check, program, folder, option="--qemu", display=DBUS):
    qemu = Qemu(folder, display=display)
    ours = qemu.display()
    process, paths = screen(program, folder, option, str(ours.fileno()), fds=(ours.fileno(),))
    ours.close()
    control = Control(paths[0])
    wait(lambda: size_of(control, 0) == (720, 400), 30)
    settle(control)
    time.sleep(4.0)  # it listens on for a while
    n = wakeups(process.pid)
    check("QEMU's text cursor blinks, nobody looks (%s)" % option, not n, n)
    process.terminate()
    process.wait(10)
    qemu.close()


def in_front_of_qemus_vnc(check, program, folder):
    in_front_of_qemu(check, program, folder, "--vnc-source", ("-vnc", "none"))


def main():
    check = Checks("idle")
    for step in (in_front_of_a_stand_in, with_nothing_that_changes, in_front_of_qemu, in_front_of_qemus_vnc):
        with tempfile.TemporaryDirectory() as folder:
            step(check, sys.argv[1], folder)
    print("%d passed, %d failed" % (check.passed, check.failed))
    sys.exit(check.failed != 0)


if __name__ == "__main__":
    main()
