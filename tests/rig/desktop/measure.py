#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks a guest's desktop for sizes, and sees what comes of it.

usage: measure.py {rig | agent | screen | vnc} DESKTOP [--table FILE] [OPTION...]
       measure.py lodge DESKTOP VM [--table FILE] [OPTION...]

rig: as the COMMAND of tests/rig/desktop/run; QEMU alone, so only what the desktop does by itself is
asked for: a desktop that is known not to follow must not, and that is a pass too (it says that the
table of desktops is still true). agent: the same guest, and its lodge-agent and lodge-session are asked
for what the desktop did not do. screen: and lodge-screen does all that. vnc: so it does by
QEMU's VNC server. lodge: a VM of lodge. In these
every desktop must follow.

For each request three things must be right: the mode as the guest's kernel has it, the size of the
picture as the screen shows it, and the colours in the picture's four corners. Rows "DESKTOP WAY
REQUEST RESULT ms-to-size ms-to-picture" are added to the table. --pictures FOLDER: where
DESKTOP.png goes, as the screen of a VM of lodge shows it in the end. --slow N: everything is waited
for so many times as long. --short: without 64x64 and 8192x8192.
"""
import argparse
import hashlib
import os
import sys
import tempfile
import time

from desktops import DESKTOPS
from guest import AgentGuest, Error, LodgeGuest, Refused, RigGuest, ScreenGuest, VncGuest
import inside

SIZES = [(1440, 900), (1366, 768), (1023, 767), (1920, 1080)]
EXTREMES = [(64, 64), (8192, 8192)]
CORNERS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1))


class Entry:
    def __init__(self, guest, name, table, options):
        self.guest, self.name, self.desktop = guest, name, DESKTOPS[name]
        self.table, self.pictures = table, options.pictures
        self.slow, self.short = options.slow, options.short
        self.patience = self.desktop.patience * self.slow
        self.start = self.desktop.start * self.slow
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
        top = self.desktop.bar + inset
        spots = ((inset, top), (right - 1 - inset, top), (inset, bottom - 1 - inset),
                 (right - 1 - inset, bottom - 1 - inset))
        # A panel may leave nothing of the upper half.
        first = 0 if height > 3 * self.desktop.bar else 2
        seen = [picture.at(*spot) for spot in spots[first:]]
        classes = tuple(tuple(int(channel > 100) for channel in colour) for colour in seen)
        return classes == CORNERS[first:], seen

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

    def wait_in_guest(self, head, size):
        deadline = time.monotonic() + self.patience
        while True:
            right, words = self.right_in_guest(head, size)
            if right or time.monotonic() > deadline:
                return right, words
            time.sleep(0.2)

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
        in_guest, guest_words = self.wait_in_guest(head, size)
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
        """A size that few can show: it is set, clamped or refused. Whichever it is is said, and what is
        shown then is sound."""
        request = "%dx%d" % size
        before = self.guest.size(0)
        outcome, now = self.outcome(size, before)
        right, words = self.wait_corners(0, now, self.patience)
        in_guest, guest_words = self.wait_in_guest(0, now)
        self.row(request, outcome or "wrong", None, None)
        self.check(request, bool(outcome) and right and in_guest,
                   outcome if outcome and right and in_guest else
                   "it was %dx%d, is %dx%d, %s; %s %s" % (
                       *before, *now, outcome or "which nothing explains", words, guest_words))

    def extremes(self):
        """Both, and back; pictures of 256 MiB take a while. A text console has none of that size."""
        self.patience *= 1 if self.name == "console" else 4
        for size in EXTREMES:
            self.extreme(size)
        self.resize((1280, 800), what="1280x800 after those")
        self.patience = self.desktop.patience * self.slow

    def outcome(self, size, before):
        """What came of an extreme wish, in a word, None if that is no way to end; the size there is."""
        try:
            head = self.guest.ask(0, *size)
        except Refused as error:
            return "refused: %s" % error, self.guest.size(0)
        # It answers when the guest has followed or will not; a slow guest may yet, and shows nothing between.
        deadline = time.monotonic() + self.patience
        while True:
            now = head.get("width", 0), head.get("height", 0)
            wanted = head["requested_width"], head["requested_height"]
            if now == wanted:
                return "set" if now == size else "clamped to %dx%d" % now, now
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
            head = self.guest.control.heads()[0]
        if head["followed"] == "no" and now == before:
            return "not followed", now
        # A text console has no more than at boot.
        if head["followed"] == "no" and 0 < now[0] <= size[0] and 0 < now[1] <= size[1]:
            return "the guest chose %dx%d" % now, now
        return None, now

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
        login = inside.login(self.guest)
        self.guest.run("systemctl --no-block restart getty@tty1")
        # Until all of it has ended; what outlives it holds nobody up for ever.
        deadline = time.monotonic() + self.patience
        while login and inside.is_there(self.guest, login) and time.monotonic() < deadline:
            time.sleep(0.2)
        right, words = self.wait_corners(0, None, self.start)
        took = self.guest.wait_session("console" if self.name == "console" else "desktop",
                                       self.start)
        self.check("it begins anew, its session is attached", right and took is not None, words)
        self.resize((1366, 768), what="1366x768 after it began anew")

    def send(self):
        """Files for the desktop's user: they come whole, replace nothing, and what is too much leaves
        nothing (a size that is small in 32 bits)."""
        with tempfile.TemporaryDirectory() as folder:
            path, huge = os.path.join(folder, "a b.bin"), os.path.join(folder, "huge")
            data = os.urandom(3000001)
            with open(path, "wb") as file:
                file.write(data)
            with open(huge, "wb") as file:
                file.truncate((4 << 30) + 4096)
            done = [self.guest.lodge("send", self.guest.name, one, seconds=120)
                    for one in (path, path, huge)]
        digest = hashlib.md5(data).hexdigest()
        there = self.guest.run("cd /home/user/Downloads && md5sum * .[!.]* 2>/dev/null")
        right = (there == "%s  a b (1).bin\n%s  a b.bin" % (digest, digest) and
                 [one.returncode for one in done] == [0, 0, 1] and
                 done[1].stdout == b"%s is there as 'a b (1).bin'\n" % path.encode() and
                 done[2].stderr.endswith(b": No space left on device\n"))
        self.check("files are sent to its user", right,
                   "3 MB twice, and 4 GiB refused" if right else "%r %r" % (there, done))

    def switch_consoles(self):
        """Another virtual terminal comes to the front, with nobody's session, and the desktop's again."""
        # VT_ACTIVATE; /dev/tty0 is whichever is in front.
        activate = "perl -e 'ioctl(STDIN, 0x5606, %d) or die' </dev/tty0"
        for terminal, kind, what in ((2, "console", "a text console is in front: it is told"),
                                     (1, "desktop", "the desktop is in front again: its session is attached")):
            self.guest.run(activate % terminal)
            took = self.guest.wait_session(kind, 60)
            self.check(what, took is not None, "%.1f s later" % (took or 60))
        self.resize((1152, 864), what="1152x864 after the consoles were switched")

    def portrait(self):
        """A screenshot with something on the desktop, if it has a program to show."""
        self.resize(SIZES[0], what="1440x900 for its picture")
        if self.name == "console":
            self.guest.lodge("type", "--enter", self.guest.name, "stty size; uname -sr")
        elif self.name in inside.SHOW:
            inside.show(self.name, self.guest)
        time.sleep(15 * self.slow)
        self.guest.picture(0).save(os.path.join(self.pictures, self.name + ".png"))

    def all(self):
        follows = self.guest.way != "qemu" or self.desktop.alone
        right, words = self.wait_corners(0, None, self.start)
        self.check("the desktop is up", right, words)
        if not right:
            return
        if self.guest.way != "qemu":
            took = self.guest.wait_session("console" if self.name == "console" else "desktop",
                                       self.start)
            self.check("its session is attached", took is not None, "%.1f s later" % (took or self.start))
        if follows:
            for size in SIZES:
                self.resize(size)
            self.resize((1280, 800), what="1280x800 again")
            self.burst()
        else:
            for size in SIZES[:2]:
                self.stays(size)
        # One picture is all that a text console has.
        has_heads = self.name != "console" and not self.guest.one_head
        if has_heads and (self.guest.way != "qemu" or self.desktop.heads_alone):
            self.second_head()
        if self.guest.screen and self.desktop.scales:
            self.scaled()
        # QEMU alone is not asked: 64x64 makes the guest choose 5120x2160, 8192x8192 is never shown.
        if self.guest.screen and not self.short:
            self.extremes()
        if self.name == "xorg" and self.guest.way != "qemu":
            self.switch_consoles()
        if self.name == "xorg" and self.guest.way == "lodge":
            self.send()
        if self.guest.screen:
            self.restart()
        if self.guest.way == "lodge" and self.pictures:
            self.portrait()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1], add_help=True)
    parser.add_argument("way", choices=("rig", "agent", "screen", "vnc", "lodge"))
    parser.add_argument("desktop", choices=sorted(DESKTOPS))
    parser.add_argument("vm", nargs="?")
    parser.add_argument("--table", default="/dev/null")
    parser.add_argument("--slow", type=float, default=1)
    parser.add_argument("--pictures")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if options.way != "lodge":
        guest = {"rig": RigGuest, "agent": AgentGuest,
                 "screen": ScreenGuest, "vnc": VncGuest}[options.way](os.environ["RIG"])
    else:
        guest = LodgeGuest(options.vm)
    with open(options.table, "a", encoding="utf-8") as table:
        entry = Entry(guest, options.desktop, table, options)
        try:
            guest.boot(entry.start * 2)
            entry.all()
        except (Error, OSError) as error:
            entry.check("it goes on", False, str(error))
    print("%d passed, %d failed" % (entry.passed, entry.failed))
    return entry.failed != 0


sys.exit(main())
