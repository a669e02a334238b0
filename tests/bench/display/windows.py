#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a person waits before a viewer's window: from a key to the changed pixels in the window, and
from the window's new size to the guest's.

usage: windows.py RUN       RUN: tests/rig/desktop/run

One kind of guest (text console, QEMU's TCG) and one X server without a screen; in it, in turns, TigerVNC
before lodge-screen and before QEMU's own VNC server, remote-viewer before QEMU's SPICE server (lodge-agent
is the SPICE agent in the guest), and QEMU's own window (that needs a guest started with it). Keys are
pressed by XTEST; pixels are looked at in the X server's memory; the guest's size is what an onlooker at
QEMU's VNC server is told, for all of them. Viewers wait for a window to come to rest, each for a time of
its own: that is in the figures. Prints one JSON object.
"""
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RIGS = os.path.join(HERE, "..", "..", "rig")
sys.path[:0] = [HERE, os.path.join(RIGS, "screen"), os.path.join(RIGS, "desktop")]

from guest import RigGuest, ScreenGuest, die_with_us  # noqa: E402
from latency import figures  # noqa: E402
from picture import Error  # noqa: E402
from xvfb import Xvfb  # noqa: E402

KEYS, SIZES, SECONDS, NEAR = 30, 8, 15.0, 12


class Hand:
    """Keys and windows' sizes, without starting a program for each."""

    def __init__(self, name):
        self.x11, self.test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self.x11.XOpenDisplay.restype = ctypes.c_void_p
        self.display = ctypes.c_void_p(self.x11.XOpenDisplay(name.encode()))
        if not self.display:
            raise Error("no X server at " + name)
        self.x11.XStringToKeysym.restype = ctypes.c_ulong
        keysym = ctypes.c_ulong(self.x11.XStringToKeysym(b"a"))
        self.code = self.x11.XKeysymToKeycode(self.display, keysym)

    def key(self):
        for down in (1, 0):
            self.test.XTestFakeKeyEvent(self.display, self.code, down, ctypes.c_ulong(0))
        self.x11.XSync(self.display, 0)

    def resize(self, window, width, height):
        self.x11.XResizeWindow(self.display, ctypes.c_ulong(int(window)), width, height)
        self.x11.XSync(self.display, 0)


class Viewer:
    """A window in front of a guest; `onlooker` sees the guest's size."""

    def __init__(self, x, title, onlooker, command=None):
        self.x, self.onlooker = x, onlooker
        self.process = x.start(*command) if command else None
        try:
            self.window = x.window(title, 40)
            x.xdotool("windowmove", "--sync", self.window, 0, 0)
            x.xdotool("windowsize", self.window, 1024, 768)
            time.sleep(4)
            x.xdotool("windowfocus", "--sync", self.window)
            # Some take keys when they have been clicked into.
            x.xdotool("mousemove", 500, 600, "click", 1)
            time.sleep(1)
            self.hand = Hand(x.environment["DISPLAY"])
            # Their windows have menus around the picture.
            self.onlooker.drain(0.5)
            width, height = x.place(self.window)[2:]
            self.around = width - onlooker.width, height - onlooker.height
        except Error:
            self.close()
            raise

    def shown(self):
        """The window's upper part, where the guest writes; a copy."""
        x, y, width, height = self.x.place(self.window)
        start = self.x.pixels + y * self.x.stride
        return start, start + min(height, 400) * self.x.stride

    def key(self):
        start, end = self.shown()
        before = self.x.memory[start:end]
        # Nothing else moves.
        calm = time.monotonic()
        while time.monotonic() - calm < 0.3:
            now = self.x.memory[start:end]
            if now != before:
                before, calm = now, time.monotonic()
            time.sleep(0.01)
        began = time.monotonic()
        self.hand.key()
        while self.x.memory[start:end] == before:
            if time.monotonic() - began > SECONDS:
                raise Error("a key changes nothing")
            time.sleep(0.0003)
        return (time.monotonic() - began) * 1000

    def resize(self, size):
        self.onlooker.drain(0.3)
        began = time.monotonic()
        self.hand.resize(self.window, size[0] + self.around[0], size[1] + self.around[1])
        # Some round it.
        while (abs(self.onlooker.width - size[0]) > NEAR or
               abs(self.onlooker.height - size[1]) > NEAR):
            if time.monotonic() - began > SECONDS:
                raise Error("the window has a picture of %dx%d, the guest one of %dx%d" % (
                    *size, self.onlooker.width, self.onlooker.height))
            self.onlooker.request()
            for _ in self.onlooker.events(0.02):
                break
        return (time.monotonic() - began) * 1000

    def figures(self):
        found = {"key_to_window": figures([self.key() for _ in range(KEYS)])}
        try:
            found["window_to_size"] = figures([self.resize((900 + step * 40, 700 + step * 32))
                                               for step in range(SIZES)])
        except Error as error:
            # Not every viewer asks the guest for its window's size.
            found["window_to_size"] = {"not_followed": str(error)}
        return found

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


@contextlib.contextmanager
def rig(run, x, *options):
    """The folder of a guest that runs meanwhile."""
    process = subprocess.Popen([run, *options, "--", "sh", "-c", 'echo "$RIG"; exec cat'], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(
                                   x.environment, HOME=os.environ.get("HOME", "/root")),
                               preexec_fn=die_with_us)
    try:
        folder = process.stdout.readline().strip()
        if not folder:
            raise Error("the guest does not start")
        yield folder
    finally:
        process.stdin.close()
        process.wait()


def ready(guest):
    guest.boot(240)
    time.sleep(5)
    # What is typed is all that changes.
    guest.run("printf '\\033[?25l' >/dev/tty1; echo 0 >/sys/class/graphics/fbcon/cursor_blink")


def measure(found, name, *viewer):
    one = None
    try:
        one = Viewer(*viewer)
        found[name] = one.figures()
    except Error as error:
        print("windows.py: %s: %s" % (name, error), file=sys.stderr)
    finally:
        if one:
            one.close()


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    run, found = sys.argv[1], {}
    size = ("--boot-size", "1920x1080")
    x = Xvfb()
    try:
        with rig(run, x, "console", *size, "--spice") as folder:
            guest = ScreenGuest(folder)
            ready(guest)
            onlooker = guest._viewer(0)
            tiger = ("vncviewer", "-SecurityTypes", "None", "-Shared", "-RemoteResize")
            measure(found, "TigerVNC at lodge-screen", x, "TigerVNC", onlooker, (*tiger, guest.vnc))
            measure(found, "TigerVNC at QEMU's VNC", x, "TigerVNC", onlooker,
                    (*tiger, os.path.join(folder, "vnc0.sock")))
            measure(found, "remote-viewer at QEMU's SPICE", x, "lodge-bench", onlooker,
                    ("remote-viewer", "--title", "lodge-bench",
                     "spice+unix://" + os.path.join(folder, "spice.sock")))
        with rig(run, x, "console", *size, "--gtk") as folder:
            guest = RigGuest(folder)
            ready(guest)
            measure(found, "QEMU's own window", x, "QEMU", guest._viewer(0))
    finally:
        x.close()
    print(json.dumps(found, indent=2))
    return len(found) < 4


if __name__ == "__main__":
    sys.exit(main())
