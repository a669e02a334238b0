#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks a guest's desktop for sizes, and sees what comes of it.

usage: measure.py {rig | agent | screen} DESKTOP [--table FILE]
       measure.py lodge DESKTOP VM [--table FILE]

rig: as the COMMAND of tests/rig/desktop/run; QEMU alone, so only what the desktop does by itself is
asked for: a desktop that is known not to follow must not, and that is a pass too (it says that the
table of desktops is still true). agent: the same guest, and its lodge-agent and lodge-session are asked
for what the desktop did not do. screen: and lodge-screen does all that. lodge: a VM of lodge. In these every desktop must follow.

For each request three things must be right: the mode as the guest's kernel has it, the size of the
picture as the screen shows it, and the colours in the picture's four corners. Rows "DESKTOP WAY
REQUEST RESULT ms-to-size ms-to-picture" are added to the table.
"""
import argparse
import os
import sys
import time

import inside
from desktops import DESKTOPS
from guest import AgentGuest, Error, LodgeGuest, RigGuest, ScreenGuest

SIZES = [(1440, 900), (1366, 768), (1023, 767), (1920, 1080)]
EXTREMES = [(64, 64), (8192, 8192)]
CORNERS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1))


class Entry:
    def __init__(self, guest, name, table):
        self.guest, self.name, self.desktop = guest, name, DESKTOPS[name]
        self.table = table
        self.patience = self.desktop.patience
        self.passed = self.failed = 0

    def check(self, what, right, detail=""):
        if right:
            self.passed += 1
            print("ok    %s: %s%s" % (self.name, what, ", " + detail if detail else ""), flush=True)
        else:
            self.failed += 1
            print("FAIL  %s: %s: %s %s" % (self.name, what, detail, self.guest.explain()), flush=True)

    def row(self, request, result, size_ms, picture_ms):
        def number(value):
            return "-" if value is None else "%d" % value

        self.table.write("%s\t%s\t%s\t%s\t%s\t%s\n" % (
            self.name, self.guest.way, request, result, number(size_ms), number(picture_ms)))
        self.table.flush()

    # --- What a picture shows

    def corners(self, picture):
        """Whether each corner has its colour; if not, which colours there are."""
        width, height = picture.width, picture.height
        if self.name == "console":
            # Whole cells of 8x16 only; blocks of 6x2 cells.
            right, bottom, inset = width - width % 8, height - height % 16, 4
        else:
            right, bottom, inset = width, height, 3
        top = min(self.desktop.bar, height // 3) + inset
        spots = ((inset, top), (right - 1 - inset, top), (inset, bottom - 1 - inset),
                 (right - 1 - inset, bottom - 1 - inset))
        seen = [picture.at(*spot) for spot in spots]
        classes = tuple(tuple(int(channel > 100) for channel in colour) for colour in seen)
        return classes == CORNERS, seen

    def wait_corners(self, head, size, seconds):
        """Until the head has that size (None: any) and its corners are right: (right, words)."""
        deadline = time.monotonic() + seconds
        words = "nothing was shown"
        while True:
            try:
                picture = self.guest.picture(head)
                if size and (picture.width, picture.height) != size:
                    words = "the picture is %dx%d" % (picture.width, picture.height)
                else:
                    right, seen = self.corners(picture)
                    if right:
                        return True, "%dx%d" % (picture.width, picture.height)
                    words = "corners are %s" % " ".join("%02x%02x%02x" % one for one in seen)
            except Error as error:
                words = str(error)
            if time.monotonic() > deadline:
                return False, words
            time.sleep(0.1)

    def wait_size(self, head, size, seconds):
        deadline = time.monotonic() + seconds
        while True:
            now = self.guest.size(head)
            if now == size or time.monotonic() > deadline:
                return now
            time.sleep(0.01)

    # --- Checks

    def right_in_guest(self, head, size):
        """As the guest has it: the kernel's mode, and the cells of a console."""
        modes = self.guest.state()
        if modes.get(head) != size:
            return False, "the guest's kernel has %s" % (modes or "no mode")
        if self.name == "console" and self.guest.way != "qemu":
            cells = self.guest.terminal()
            if cells != (size[0] // 8, size[1] // 16):
                return False, "the terminal has %dx%d cells" % cells
        said = inside.layout(self.name, self.guest)
        if said is not None and said.get(head, ())[2:4] != size:
            return False, "the desktop itself says %s" % said
        return True, ""

    def resize(self, size, head=0, what=None):
        request = what or "%dx%d" % size
        started = time.monotonic()
        self.guest.request(head, *size)
        now = self.wait_size(head, size, self.patience)
        size_ms = (time.monotonic() - started) * 1000
        if now != size:
            self.row(request, "no", None, None)
            self.check(request, False, "the screen is %dx%d after %g s" % (*now, self.patience))
            return
        if self.desktop.alone == "crops" and self.guest.way == "qemu":
            # The mode follows; what is drawn does not, without an agent.
            right, words = True, ""
        else:
            right, words = self.wait_corners(head, size, self.patience)
        picture_ms = (time.monotonic() - started) * 1000
        in_guest, guest_words = self.right_in_guest(head, size)
        self.row(request, "yes" if right and in_guest else "wrong", size_ms, picture_ms)
        self.check(request, right and in_guest,
                   "size after %d ms, picture after %d ms" % (size_ms, picture_ms)
                   if right and in_guest else " ".join((words, guest_words)))

    def stays(self, size):
        """A desktop that does not follow by itself: as it was after two seconds."""
        before = self.guest.size(0)
        self.guest.request(0, *size)
        time.sleep(2)
        now = self.guest.size(0)
        self.row("%dx%d" % size, "no", None, None)
        self.check("%dx%d alone: does not follow" % size, now == before,
                   "it is %dx%d now" % now if now != before else "")

    def extreme(self, size):
        """A size that may be refused or clamped: what results must be sound."""
        request = "%dx%d" % size
        self.guest.request(0, *size)
        time.sleep(1.5)
        now = self.guest.size(0)
        modes = self.guest.state()
        result = "yes" if now == size else "refused or clamped: %dx%d" % now
        self.row(request, result, None, None)
        if self.desktop.alone == "crops" and self.guest.way == "qemu":
            right, words = True, ""
        else:
            right, words = self.wait_corners(0, now, self.patience)
        self.check(request, right and modes.get(0) == now,
                   result if right else "%s; the guest has %s; %s" % (result, modes, words))

    def burst(self):
        """60 requests as a window's edge is dragged; what counts is the last."""
        for step in range(60):
            self.guest.request(0, 900 + step * 7, 700 + step * 3)
            time.sleep(0.015)
        self.resize((1100, 850), what="1100x850 after a burst of 60")

    def second_head(self):
        self.resize((1024, 768), head=1, what="1024x768 on head 1")
        right, words = self.wait_corners(0, None, self.patience)
        self.check("head 0 is right beside it", right, words)
        if self.guest.screen:
            self.beside(self.guest.size(0), (1024, 768))
        self.guest.off(1)
        deadline = time.monotonic() + self.patience
        while not (gone := self.guest.is_off(1)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if self.name in ("xorg", "xfce") and self.guest.way != "qemu":
            # X servers go on with the picture of a monitor that is gone, but for our session.
            while 1 in self.guest.state() and time.monotonic() < deadline:
                time.sleep(0.1)
            gone = gone and 1 not in self.guest.state()
        self.check("head 1 off", gone, "the guest's kernel has %s" % self.guest.state())

    def beside(self, first, second):
        """Two heads: head 1 to the right of head 0, and a viewer's pointer lands where it points."""
        said = inside.layout(self.name, self.guest)
        if said is not None:
            wanted = {0: (0, 0, *first, 1.0), 1: (first[0], 0, *second, 1.0)}
            self.check("the desktop itself has them side by side", said == wanted, str(said))
        if self.name not in ("xorg", "xfce"):
            return
        # QEMU takes a place on the whole desktop in pixels of one head: half as fine.
        near = 2 if self.guest.control.info().get("source") == "qemu" else 1
        for x, y in ((first[0] + 300, 200), (first[0] + 1000, 700), (40, 800), (first[0] - 3, 3)):
            self.guest.point(x, y)
            deadline = time.monotonic() + self.patience
            right, now = False, None
            while not right and time.monotonic() < deadline:
                now = inside.pointer(self.guest)
                right = now is not None and abs(now[0] - x) <= near and abs(now[1] - y) <= near
            self.check("the pointer at %d,%d" % (x, y), right,
                       "in the guest it is at %s,%s" % (now or ("?", "?")))

    def scaled(self):
        for size, milli in (((1600, 1200), 2000), ((1280, 800), 1000)):
            self.guest.scale(0, size, milli)
            deadline = time.monotonic() + self.patience
            said = {}
            while time.monotonic() < deadline:
                said = inside.layout(self.name, self.guest)
                if said.get(0, ())[2:] == (*size, milli / 1000):
                    break
                time.sleep(0.2)
            self.check("%dx%d at scale %g" % (*size, milli / 1000),
                       said.get(0, ())[2:] == (*size, milli / 1000), "the desktop itself says %s" % said)

    def restart(self):
        """The desktop ends and begins anew: its session is found again, and follows."""
        self.guest.run("systemctl restart getty@tty1")
        time.sleep(3)
        right, words = self.wait_corners(0, None, self.desktop.start)
        took = self.guest.wait_session("console" if self.name == "console" else "desktop", 30)
        self.check("it begins anew, its session is attached", right and took is not None, words)
        self.resize((1366, 768), what="1366x768 after it began anew")

    def all(self):
        follows = self.guest.way != "qemu" or self.desktop.alone
        right, words = self.wait_corners(0, None, self.desktop.start)
        self.check("the desktop is up", right, words)
        if not right:
            return
        if self.guest.way != "qemu":
            took = self.guest.wait_session("console" if self.name == "console" else "desktop", 30)
            self.check("its session is attached", took is not None, "%.1f s later" % (took or 30))
        if follows:
            for size in SIZES:
                self.resize(size)
            # QEMU's EDID of 64x64 makes the guest choose 5120x2160, and its device cannot show 8192x8192.
            for size in EXTREMES if self.guest.extremes else ():
                self.extreme(size)
            self.resize((1280, 800), what="1280x800 after those")
            self.burst()
        else:
            for size in SIZES[:2]:
                self.stays(size)
        # One picture is all that a text console has.
        if self.name != "console" and (self.guest.way != "qemu" or self.desktop.heads_alone):
            self.second_head()
        if self.guest.screen and self.desktop.scales:
            self.scaled()
        if self.guest.screen:
            self.restart()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1], add_help=True)
    parser.add_argument("way", choices=("rig", "agent", "screen", "lodge"))
    parser.add_argument("desktop", choices=sorted(DESKTOPS))
    parser.add_argument("vm", nargs="?")
    parser.add_argument("--table", default="/dev/null")
    options = parser.parse_args()
    if options.way != "lodge":
        guest = {"rig": RigGuest, "agent": AgentGuest,
                 "screen": ScreenGuest}[options.way](os.environ["RIG"])
    else:
        guest = LodgeGuest(options.vm)
    with open(options.table, "a", encoding="utf-8") as table:
        entry = Entry(guest, options.desktop, table)
        try:
            guest.boot(240)
            entry.all()
        except (Error, OSError) as error:
            entry.check("it goes on", False, str(error))
    print("%d passed, %d failed" % (entry.passed, entry.failed))
    return entry.failed != 0


sys.exit(main())
