# SPDX-License-Identifier: LGPL-2.1-or-later
"""An X server without a screen, for viewers that want one: its picture, its windows, keys and mouse."""
import mmap
import os
import re
import select
import struct
import subprocess
import tempfile
import time

from picture import Error, Picture

HERE = os.path.dirname(os.path.abspath(__file__))


class Xvfb:
    def __init__(self, width=2560, height=1600):
        self.folder = tempfile.TemporaryDirectory(prefix="lodge-xvfb.")
        ours, theirs = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "%dx%dx24" % (width, height),
             "-fbdir", self.folder.name, "-nolisten", "tcp", "-noreset"], pass_fds=[theirs],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        os.close(theirs)
        number = b""
        while not number.endswith(b"\n"):
            piece = os.read(ours, 16) if select.select([ours], [], [], 20)[0] else b""
            if not piece:
                self.process.kill()
                raise Error("Xvfb does not start")
            number += piece
        os.close(ours)
        self.environment = dict(os.environ, DISPLAY=":" + number.decode().strip(),
                                HOME=self.folder.name)
        for name in ("XAUTHORITY", "WAYLAND_DISPLAY"):
            self.environment.pop(name, None)
        # Viewers believe their window's place only from a window manager.
        self.manager = self.start("openbox", "--config-file", os.path.join(HERE, "openbox.xml"))
        deadline = time.monotonic() + 20
        while "window id" not in self.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK"):
            if time.monotonic() > deadline:
                raise Error("openbox does not start")
            time.sleep(0.05)
        with open(os.path.join(self.folder.name, "Xvfb_screen0"), "rb") as file:
            self.memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        # An XWD file, version 7.
        head = struct.unpack_from(">25I", self.memory)
        self.pixels = head[0] + head[19] * 12
        self.width, self.height, self.stride = head[4], head[5], head[12]

    def picture(self, x=0, y=0, width=None, height=None):
        """What is shown now; without a copy, so it changes with the screen."""
        whole = Picture(self.width, self.height, memoryview(self.memory)[self.pixels:],
                        stride=self.stride)
        return whole.part(x, y, width or self.width, height or self.height)

    def start(self, *command, log=None):
        return subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=log or subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def run(self, *command):
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        return done.stdout.decode("utf-8", "replace")

    def xdotool(self, *words):
        return self.run("xdotool", *(str(word) for word in words))

    def window(self, title, seconds=20):
        """The number of the visible window with that in its title."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.findall(r"^\d+$", self.xdotool("search", "--onlyvisible", "--name", title), re.M)
            if found:
                return found[-1]
            if time.monotonic() > deadline:
                raise Error("no window '%s' within %g s" % (title, seconds))
            time.sleep(0.1)

    def place(self, window):
        """(x, y, width, height) on the screen."""
        text = self.run("xwininfo", "-id", window)
        found = [re.search(what + r":\s+(-?\d+)", text)
                 for what in ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height")]
        if not all(found):
            raise Error("no window %s any more" % window)
        return tuple(int(one[1]) for one in found)

    def close(self):
        for process in (self.manager, self.process):
            process.terminate()
            process.wait()
        self.memory = None
        self.folder.cleanup()
