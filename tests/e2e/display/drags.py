#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A day of dragged windows at speed: lodge-screen neither grows nor leaks descriptors.

usage: drags.py PROGRAM WISHES

A drag is 60 wishes without a pause, from one of two viewers, sometimes for two heads; then everybody waits
until the machine shows what was wished last. Sizes are drawn from a fixed row, so that what is allocated
for the largest is there after the first tenth; from then on memory has to stay where it is.
"""
import os
import random
import socket
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "rig", "screen")]

from checks import Checks, wait  # noqa: E402
from picture import Error  # noqa: E402
from protocol import Control  # noqa: E402
from rfb import Rfb  # noqa: E402
from screens import Screen, memory_of  # noqa: E402

DRAG = 60
SECONDS = 60
LARGEST = (480, 360)
GROWTH_KIB = 1024


class Window:
    """A viewer that reads whatever comes."""

    def __init__(self, path):
        self.viewer = Rfb(path, timeout=SECONDS)
        self.lock = threading.Lock()
        self.why = ""
        self.viewer.request(incremental=False)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for _ in self.viewer.events(1e6):
                self.viewer.request()
        except (Error, OSError) as error:
            self.why = str(error)

    def drag(self, row, two_heads):
        for width, height in row:
            screens = [(1, 0, 0, width, height, 0)]
            if two_heads:
                screens.append((2, width, 0, width, height, 0))
            self.viewer.set_desktop_size(width * len(screens), height, screens)


def figures(process):
    return memory_of(process), len(os.listdir("/proc/%d/fd" % process))


def settled(machine, size, two_heads):
    return machine.wait(lambda: machine.size(0) == size and
                        (machine.size(1) == size) == two_heads, SECONDS)


def main():
    program, wishes = sys.argv[1], int(sys.argv[2])
    check, chance = Checks("drags"), random.Random(3)
    row = [LARGEST] + [(chance.randrange(64, LARGEST[0]), chance.randrange(64, LARGEST[1])) for _ in range(200)]
    drags, missed, started = max(wishes // DRAG, 20), None, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        screen = Screen(program, folder, machine=("--size", "320x240", "--heads", "2"))
        windows = [Window(screen.vnc) for _ in range(2)]
        early = half = figures(screen.process.pid)
        for turn in range(drags):
            two_heads = turn % 5 == 4
            sizes = chance.choices(row, k=DRAG - 1)
            if turn < 10:
                sizes[0] = LARGEST
            # Of a width that none before it has: what is settled is the last.
            sizes.append((LARGEST[0] + 1 + turn % 2, sizes[-1][1]))
            windows[turn % 2].drag(sizes, two_heads)
            if not settled(screen.machine, sizes[-1], two_heads):
                missed = (turn, sizes[-1], Control(screen.control).info()["heads"])
                break
            with screen.machine.changed:
                # It prints all it does: what is old is of no use.
                del screen.machine.events[:-200]
            if turn == drags // 10:
                early = half = figures(screen.process.pid)
            if turn == drags // 2:
                half = figures(screen.process.pid)
        check("every drag ends with what was wished last", not missed, missed)
        late = figures(screen.process.pid)
        check("the viewers are there", not any(window.why for window in windows), [window.why for window in windows])
        for window in windows:
            window.viewer.socket.shutdown(socket.SHUT_RDWR)
        control = Control(screen.control)
        check("and can go", wait(lambda: not control.info()["viewers"], SECONDS), control.info()["viewers"])
        control.close()
        screen.close()
    print("%d wishes in %d drags, %.0f s: KiB and descriptors after a tenth %d, %d, half of it %d, %d, all %d, %d" %
          ((turn + 1) * DRAG, turn + 1, time.monotonic() - started, *early, *half, *late))
    check("its memory does not grow", late[0] - early[0] < GROWTH_KIB, "%d KiB" % (late[0] - early[0]))
    check("nor do its descriptors", late[1] == early[1], late[1] - early[1])
    print("%d passed, %d failed" % (check.passed, check.failed))
    return check.failed != 0


if __name__ == "__main__":
    sys.exit(main())
