# SPDX-License-Identifier: LGPL-2.1-or-later
"""Viewers that others have written, as things that can be looked at, typed into and resized."""
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "rig", "screen"))

from picture import Error  # noqa: E402
from xvfb import Xvfb  # noqa: E402

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255))


class Relay:
    """TCP on localhost in front of a unix socket, for viewers that know no other."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.path)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    @staticmethod
    def _copy(source, target):
        try:
            while piece := source.recv(1 << 16):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Window:
    """A viewer that is a window of X."""

    follows = True  # its window asks for its size
    margin = (0, 0)  # what is above and below the picture in it

    def __init__(self, target, relay):
        self.x = Xvfb()
        self.log = tempfile.TemporaryFile()
        self.process = self.x.start(*self.command(target, relay), log=self.log)
        try:
            self.window = self.x.window(self.title, 40)
        except Error as error:
            self.log.seek(0)
            said = self.log.read().decode("utf-8", "replace")
            self.close()
            raise Error("%s; it said: %s" % (error, said[-600:])) from error

    def picture(self):
        """What the window shows of the guest, or None if its size is not the guest's."""
        x, y, width, height = self.x.place(self.window)
        above, below = self.margin
        return self.x.picture(x, y + above, width, height - above - below)

    def shows(self, size, bar):
        picture = self.picture()
        if (picture.width, picture.height) != size:
            return "it shows %dx%d" % (picture.width, picture.height)
        width, height = size
        spots = ((3, 3 + bar), (width - 4, 3 + bar), (3, height - 4), (width - 4, height - 4))
        seen = [picture.at(*spot) for spot in spots]
        near = all(abs(a - b) < 24 for one, other in zip(seen, COLOURS) for a, b in zip(one, other))
        return "" if near else "its corners are %s" % " ".join("%02x%02x%02x" % one for one in seen)

    def ask(self, width, height):
        self.x.xdotool("windowsize", self.window, width, height + sum(self.margin))

    def burst(self, sizes):
        words = []
        for width, height in sizes:
            words += ["windowsize", self.window, width, height + sum(self.margin), "sleep", "0.015"]
        self.x.xdotool(*words)

    def focus(self):
        self.x.xdotool("windowfocus", "--sync", self.window)
        self.point(80, 80)
        # TigerVNC tells of the pointer when a button has been pressed, not before.
        self.x.xdotool("click", 1)
        time.sleep(0.3)

    def type(self, text):
        self.focus()
        self.x.xdotool("type", "--delay", 30, text)

    def point(self, x, y):
        left, top, _, _ = self.x.place(self.window)
        self.x.xdotool("mousemove", left + x, top + y + self.margin[0])

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.x.close()


class TigerVNC(Window):
    name, title = "tigervnc", "TigerVNC"

    @staticmethod
    def command(target, _):
        return ("vncviewer", "-SecurityTypes", "None", "-Shared", "-RemoteResize", "-NoJPEG",
                target.vnc)


class Gvncviewer(Window):
    """gtk-vnc's. Its window follows the guest, not the other way."""

    name, title, follows = "gvncviewer", "GVncViewer", False

    def command(self, _, relay):
        return ("gvncviewer", "127.0.0.1:%d" % (relay.port - 5900))

    def shows(self, size, bar):
        # The menu is as high as the theme makes it.
        self.margin = (max(0, self.x.place(self.window)[3] - size[1]), 0)
        return super().shows(size, bar)


class LibVNCClient:
    name = "libvncclient"
    program = ""  # libvncclient.c, compiled
    encodings = "tight copyrect"

    def __init__(self, target, relay):
        # Quarters of one colour each, to the pixel.
        self.exact = hasattr(target, "machine")
        # QEMU does not say what its screens are before one has changed, and then the library does not ask.
        self.follows = self.exact
        self.process = subprocess.Popen(
            [self.program, "127.0.0.1", str(relay.port), self.encodings], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._answer("connected")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def _answer(self, word):
        while True:
            try:
                line = self.lines.get(timeout=10)
            except queue.Empty as error:
                raise Error("libvncclient does not answer") from error
            if line is None:
                raise Error("libvncclient has ended")
            if line.split()[0] == word:
                return line

    def _say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer(line.split()[0])

    def shows(self, size, bar):
        words = self._say("frame").split()
        if words[1] != "%dx%d" % size:
            return "it shows " + words[1]
        wanted = ["%02x%02x%02x" % colour for colour in COLOURS]
        corners = words[3:7]
        if corners[2:] != wanted[2:] or not bar and corners != wanted:
            return "its corners are " + " ".join(corners)
        if not self.exact:
            return ""
        counts = dict(word.split(":") for word in words[7:])
        width, height = size
        left, top = width // 2, height // 2
        quarters = (left * top, (width - left) * top, left * (height - top),
                    (width - left) * (height - top))
        for colour, count in zip(wanted, quarters):
            # A pointer or the square in the middle may be in it.
            if not count - 2200 <= int(counts.get(colour, 0)) <= count:
                return "colours are " + " ".join(words[7:])
        return ""

    def ask(self, width, height):
        if self._say("size %d %d" % (width, height)).split()[1] != "asked":
            raise Error("libvncclient could not ask")

    def burst(self, sizes):
        for size in sizes:
            self.ask(*size)
            time.sleep(0.015)

    def press(self, keysyms):
        for keysym in keysyms:
            self._say("key %x" % keysym)

    def type(self, text):
        self.press(map(ord, text))

    def point(self, x, y):
        self._say("pointer %d %d 0" % (x, y))

    def close(self):
        self.process.kill()
        self.process.wait()


def with_encoding(word):
    return type(word, (LibVNCClient,), {"name": "libvncclient-" + word, "encodings": word})


VIEWERS = {one.name: one for one in (TigerVNC, LibVNCClient, Gvncviewer,
                                     *map(with_encoding, ("zrle", "hextile", "raw")))}
