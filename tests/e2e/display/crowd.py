#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Eight viewers of one screen, of which two stall and one talks nonsense; several that want sizes; and a
screen that is killed.

usage: crowd.py PROGRAM
"""
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "rig", "screen")]

from checks import Checks, wait  # noqa: E402
from handoff import hand_over  # noqa: E402
from picture import Error  # noqa: E402
from protocol import Control, Refused  # noqa: E402
from qemu import size_of  # noqa: E402
from rfb import Rfb  # noqa: E402
from screens import Screen, memory_of  # noqa: E402

FRAMES = 60
SECONDS = 60  # for what takes two or three, on a machine that is busy
GROWTH_KIB = 16 << 10


class Reader(threading.Thread):
    """A viewer that reads all it gets, and counts pictures."""

    def __init__(self, viewer):
        super().__init__(daemon=True)
        self.viewer, self.pictures, self.why = viewer, 0, ""
        self.start()

    def run(self):
        try:
            self.viewer.request(incremental=False)
            for _, kinds in self.viewer.events(3600):
                self.pictures += "pixels" in kinds
                self.viewer.request()
        except (Error, OSError) as error:
            self.why = str(error)


def stall(path):
    """Asks for whole pictures and reads none."""
    viewer = Rfb(path)
    for _ in range(500):
        viewer.request(incremental=False)
    return viewer


def talk_nonsense(path):
    viewer = Rfb(path)
    try:
        for seed in range(200):
            viewer.send(random.Random(seed).randbytes(4096))
    except OSError:
        pass
    return viewer


def is_thrown_out(viewer):
    viewer.socket.settimeout(SECONDS)
    try:
        while viewer.socket.recv(1 << 20):
            pass
    except ConnectionError:
        pass
    except OSError:
        return False
    return True


def sees_frames(readers, count):
    before = [reader.pictures for reader in readers]
    wait(lambda: all(reader.pictures - was >= count or reader.why
                     for reader, was in zip(readers, before)), SECONDS)
    return [reader.why or reader.pictures - was for reader, was in zip(readers, before)
            if reader.why or reader.pictures - was < count]


def bad_company(check, program, folder):
    screen = Screen(program, folder, machine=("--size", "320x240", "--fps", "30"))
    readers = [Reader(Rfb(screen.vnc)) for _ in range(5)]
    check("five viewers see every change", not (late := sees_frames(readers, 10)), late)
    before = memory_of(screen.process.pid)
    stalled = [stall(screen.vnc) for _ in range(2)]
    hostile = talk_nonsense(screen.vnc)
    started = time.monotonic()
    late = sees_frames(readers, FRAMES)
    check("so they do beside two that stall and one that talks nonsense", not late,
          late or "%d pictures in %.1f s" % (FRAMES, time.monotonic() - started))
    check("who talks nonsense is thrown out", is_thrown_out(hostile))
    grown = memory_of(screen.process.pid) - before
    check("who stalls costs little memory", grown < GROWTH_KIB, "%d KiB" % grown)
    control = Control(screen.control)
    check("all others are there", wait(lambda: len(control.info()["viewers"]) == 7, SECONDS),
          control.info()["viewers"])
    # One wish reaches everybody who listens, also who wakes up.
    readers[0].viewer.set_desktop_size(400, 300)
    check("a size is everybody's", wait(lambda: all(
        (reader.viewer.width, reader.viewer.height) == (400, 300) for reader in readers), SECONDS),
          [(reader.viewer.width, reader.viewer.height) for reader in readers])
    woken = Reader(stalled[0])
    check("who stalled goes on", wait(lambda: (woken.viewer.width, woken.viewer.height) == (400, 300) and
                                      woken.pictures, SECONDS), (woken.viewer.width, woken.why))
    control.close()
    screen.close()


def wishes(check, program, folder):
    """The last who wants a size has it; who may only look never."""
    screen = Screen(program, folder)
    control = Control(screen.control)
    viewers = [Rfb(screen.vnc) for _ in range(3)]
    ours, theirs = socket.socketpair()
    hand_over(screen.handoff, "vnc-client", theirs, view_only=1)
    theirs.close()
    looker = Rfb(ours)

    def becomes(size, by):
        return wait(lambda: size_of(control, 0) == size and
                    control.info()["heads"][0]["by"] == by, SECONDS)

    for viewer in (*viewers, looker):
        viewer.drain()
    for viewer, size in zip(viewers * 2, [(800, 600), (640, 480), (1000, 700), (900, 500), (640, 480)]):
        viewer.set_desktop_size(*size)
        check("%dx%d, for who acts last" % size, becomes(size, "viewer"), size_of(control, 0))
    looker.set_desktop_size(500, 400)
    looker.request()
    refused = any(looker.status for _ in looker.events(SECONDS) if looker.status or looker.request())
    check("who may only look is refused", refused, looker.status)
    check("and changes nothing", size_of(control, 0) == (640, 480), size_of(control, 0))
    control.display(head=0, width=1023, height=767)
    check("the user's own wish counts as much", becomes((1023, 767), "user"), control.info()["heads"])
    for viewer in viewers:
        viewer.set_desktop_size(700, 300)
    viewers[0].close()
    check("a viewer that goes changes nothing", becomes((700, 300), "viewer"), size_of(control, 0))
    control.close()
    screen.close()


def refusal(control, **wish):
    try:
        control.display(**wish)
    except Refused as error:
        return str(error)
    return ""


def heads(check, program, folder):
    """As 'lodge display' asks: heads come and go, sizes are set, clamped, or refused."""
    screen = Screen(program, folder, machine=("--heads", "3"))
    control = Control(screen.control)

    def row(head):
        rows = [one for one in control.info()["heads"] if one["head"] == head]
        return {"asked": (rows[0].get("requested_width"), rows[0].get("requested_height")),
                "is": (rows[0].get("width"), rows[0].get("height")), "at": (rows[0].get("x"), rows[0].get("y")),
                "by": rows[0].get("by"), "how": rows[0].get("followed")} if rows else {}

    for size, gets in (((1023, 767), (1023, 767)), ((64, 64), (64, 64)), ((1, 1), (64, 64)),
                       ((8193, 1), (8192, 64)), ((1024, 0), (1024, 64)), ((1440, 900), (1440, 900))):
        control.display(head=0, width=size[0], height=size[1])
        check("%dx%d becomes %dx%d" % (*size, *gets), row(0) == {
            "asked": gets, "is": gets, "at": (None, None), "by": "user", "how": "itself"}, row(0))
    control.display(head=1, width=640, height=480)
    check("a second head", row(1) == {"asked": (640, 480), "is": (640, 480), "at": (1440, None), "by": "user",
                                      "how": "itself"}, row(1))
    check("is part of the picture", control.capture(head=1).width == 640 and control.capture().width == 2080)
    screen.machine.say("size 1 800x600")
    check("the guest sets another size, and that is said", wait(lambda: row(1)["is"] == (800, 600) and
                                                                 row(1)["by"] == "guest", SECONDS), row(1))
    control.display(head=0, off=True)
    check("the first goes", wait(lambda: row(0)["is"] == (None, None), SECONDS), row(0))
    check("the last stays", "one head must stay on" in refusal(control, head=1, off=True))
    check("a head that the machine does not have", "it has 3 heads, the last is 2" in
          refusal(control, head=9, width=640, height=480))
    control.display(head=0)
    check("the first is back, as it was", wait(lambda: row(0)["is"] == (1440, 900), SECONDS), row(0))
    control.close()
    screen.close()


def dies(check, program, folder):
    """Another screen takes the place of one that was killed; the machine has seen a reconnection."""
    screen = Screen(program, folder)
    viewer = Rfb(screen.vnc)
    viewer.set_desktop_size(800, 600)
    check("before", wait(lambda: screen.machine.size(0) == (800, 600), SECONDS), screen.machine.size(0))
    viewer.drain()
    screen.process.send_signal(signal.SIGKILL)
    check("killed: its viewer is let go", is_thrown_out(viewer))
    screen.start()
    check("the machine goes on, and takes the next",
          screen.machine.process.poll() is None and
          screen.machine.wait(lambda: len(screen.machine.seen("connected")) == 2, SECONDS))
    again = Rfb(screen.vnc)
    again.frame()
    check("a viewer comes back to what was shown", (again.width, again.height) == (800, 600) and
          again.pixel(10, 10) == (255, 0, 0), (again.width, again.height, again.pixel(10, 10)))
    again.set_desktop_size(640, 480)
    check("and its wishes count", wait(lambda: screen.machine.size(0) == (640, 480), SECONDS),
          screen.machine.size(0))
    screen.close()


def main():
    check = Checks("crowd")
    for step in (bad_company, wishes, heads, dies):
        with tempfile.TemporaryDirectory() as folder:
            step(check, sys.argv[1], folder)
    print("%d passed, %d failed" % (check.passed, check.failed))
    sys.exit(check.failed != 0)


if __name__ == "__main__":
    main()
