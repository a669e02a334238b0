#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Viewers that others have written, in front of a screen: the guest's size follows their window, what they
show is right, what is typed and pointed at there arrives.

usage: viewers.py TARGET [VIEWER...] [--client FILE] [--pictures DIR]

TARGET: screen=PROGRAM  lodge-screen, of the stand-in for a machine (tests/rig/screen); the usual
        rig=NAME        as the COMMAND of tests/rig/desktop/run NAME: QEMU's VNC server and that desktop
        vm=NAME,PATH    a VM of lodge, whose screen's VNC socket is PATH
VIEWER: tigervnc libvncclient gvncviewer, libvncclient-zrle and others; before a lodge-screen also secured
        (TLS and passwords), layouts (keyboards) (default: all)
"""
import argparse
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RIGS = os.path.join(HERE, "..", "..", "rig")
sys.path[:0] = [os.path.join(RIGS, "screen"), os.path.join(RIGS, "desktop")]

from checks import Checks, wait  # noqa: E402
from desktops import DESKTOPS  # noqa: E402
from guest import LodgeGuest, RigGuest  # noqa: E402
from picture import Error  # noqa: E402
from layouts import try_layouts  # noqa: E402
from screens import Screen  # noqa: E402
from secured import try_secured  # noqa: E402
from viewer_windows import VIEWERS, LibVNCClient, Relay, Window  # noqa: E402

PATIENCE = 6.0
# What is tried with a lodge-screen of its own.
APART = {"secured": try_secured, "layouts": try_layouts}


# --- What is shown ------------------------------------------------------------------------------

class GuestTarget:
    """A guest with a desktop. Typing is seen on a text console only."""

    def __init__(self, name, guest, path):
        self.guest, self.vnc = guest, path
        self.console = name == "console"
        self.corners = not self.console
        self.bar = DESKTOPS[name].bar
        guest.boot(240)
        if self.corners:
            time.sleep(10)

    def size(self):
        return self.guest.state().get(0, (0, 0))

    can_type = property(lambda self: self.console)
    can_point = False

    def typed(self, text, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if text in (self.guest.run("cat /dev/vcs1") or ""):
                return True
            time.sleep(0.2)
        return False

    def forget(self):
        self.guest.run("clear >/dev/tty1")

    def close(self):
        pass


class ScreenTarget:
    """lodge-screen, and a machine that is only a display."""

    corners = can_type = can_point = True
    bar = 0

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(prefix="lodge-viewers.")
        self.screen = Screen(program, self.folder.name)
        self.vnc = self.screen.vnc
        self.machine = self.screen.machine

    def size(self):
        return self.machine.size(0)

    def forget(self):
        self.machine.forget()

    def typed(self, text, seconds):
        return self.machine.wait(lambda: text in self.machine.text(), seconds)

    def pointed(self, x, y, seconds):
        return self.machine.wait(lambda: self.machine.pointer() == (x, y), seconds)

    def pointer(self):
        return self.machine.pointer()

    def close(self):
        self.screen.close()
        self.folder.cleanup()


# --- What is tried --------------------------------------------------------------------------------

def resizes(check, name, viewer, target, sizes):
    for size in sizes:
        started = time.monotonic()
        viewer.ask(*size)
        followed = wait(lambda: target.size() == size, PATIENCE)
        took = (time.monotonic() - started) * 1000
        why = "the guest has %dx%d" % target.size() if not followed else ""
        if followed and target.corners:
            wait(lambda: not viewer.shows(size, target.bar), PATIENCE)
            why = viewer.shows(size, target.bar)
        check("%s: %dx%d" % (name, *size), not why, why or "the guest has it after %d ms" % took)


def try_viewer(check, kind, target, relay, pictures):
    name = kind.name
    viewer = kind(target, relay)
    try:
        size = target.size()
        if target.corners:
            wait(lambda: not viewer.shows(size, target.bar), 20)
            why = viewer.shows(size, target.bar)
            check("%s: shows the guest" % name, not why, why or "%dx%d" % size)
        if viewer.follows:
            resizes(check, name, viewer, target, [(1440, 900), (1023, 767), (1366, 768)])
            viewer.burst([(900 + step * 7, 700 + step * 3) for step in range(60)])
            resizes(check, "%s: after a burst of 60" % name, viewer, target, [(1280, 800)])
        if target.can_type:
            target.forget()
            viewer.type("echo lodge 42")
            check("%s: what is typed arrives" % name, target.typed("echo lodge 42", PATIENCE),
                  repr(target.machine.text()) if hasattr(target, "machine") else "")
        if target.can_point:
            viewer.point(333, 222)
            check("%s: the pointer is where it points" % name, target.pointed(333, 222, PATIENCE),
                  "%s,%s" % target.pointer())
        if pictures and isinstance(viewer, Window):
            time.sleep(0.5)
            viewer.picture().save(os.path.join(pictures, "viewer-%s.png" % name))
    finally:
        viewer.close()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1] + "\n\n" + __doc__.split("\n\n")[2])
    parser.add_argument("target")
    parser.add_argument("viewer", nargs="*")
    parser.add_argument("--client", default="")
    parser.add_argument("--pictures", default="")
    options = parser.parse_args()
    LibVNCClient.program = options.client
    kind, _, name = options.target.partition("=")
    wanted = options.viewer or [*VIEWERS, *(APART if kind == "screen" else ())]
    if kind == "screen":
        target = ScreenTarget(name)
    elif kind == "rig":
        target = GuestTarget(name, RigGuest(os.environ["RIG"]),
                             os.path.join(os.environ["RIG"], "vnc0.sock"))
    elif kind == "vm":
        name, _, path = name.partition(",")
        target = GuestTarget(os.environ["DESKTOP"], LodgeGuest(name), path)
    else:
        parser.error("no target '%s'" % options.target)
    if options.pictures:
        os.makedirs(options.pictures, exist_ok=True)
    check = Checks(tells=True)
    relay = Relay(target.vnc)
    try:
        for one in wanted:
            try:
                if one in APART:
                    APART[one](check, name)
                else:
                    try_viewer(check, VIEWERS[one], target, relay, options.pictures)
            except (Error, OSError) as error:
                check("%s goes on" % one, False, str(error))
    finally:
        target.close()
    print("%d passed, %d failed" % (check.passed, check.failed))
    return check.failed != 0


if __name__ == "__main__":
    sys.exit(main())
