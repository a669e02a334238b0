# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two ways to a guest with a desktop: QEMU alone (the rig), and lodge. Both can ask for a size, look at
what a head shows, and run commands as root in the guest."""
import contextlib
import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("LODGE_BUILD", os.path.join(HERE, "..", "..", "..", "build"))
sys.path.insert(0, os.path.join(HERE, "..", "screen"))

from picture import Error, Picture, read_png  # noqa: E402
from protocol import Control, Refused  # noqa: E402
from rfb import Rfb  # noqa: E402


def die_with_us():
    """For a process between fork and exec: it is killed when we end (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Serial:
    """Root's shell on the serial line."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.count = 0
        self.held = b""

    def _read_until(self, mark, seconds):
        deadline = time.monotonic() + seconds
        while mark not in self.held:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            piece = self.socket.recv(65536)
            if not piece:
                return None
            self.held += piece
        text, self.held = self.held.split(mark, 1)
        return text

    def run(self, command, seconds=20):
        """What the command printed; None when the shell did not answer."""
        self.count += 1
        # The shell's echo of the line must not hold the marks themselves.
        line = "echo; echo MA''RK%d; { %s; } </dev/null 2>&1; echo; echo EN''D%d\n" % (
            self.count, command, self.count)
        self.held = b""
        self.socket.sendall(line.encode())
        if self._read_until(b"\nMARK%d\r\n" % self.count, seconds) is None:
            return None
        text = self._read_until(b"\nEND%d\r\n" % self.count, seconds)
        return None if text is None else text.decode("utf-8", "replace").replace("\r", "").strip("\n")

    def wait(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.run("echo here", 3) == "here":
                self.run("dmesg -n 1; stty -echo")
                return
        raise Error("no shell on the serial line within %d s" % seconds)


class Spots:
    """A picture too large to be copied: a pixel is asked for when it is looked at, by VNC."""

    LARGE = 1 << 24  # pixels

    def __init__(self, path):
        self.viewer = Rfb(path, timeout=60)
        self.width, self.height = self.viewer.width, self.viewer.height

    def at(self, x, y):
        self.viewer.frame((x, y, 1, 1))
        if (self.viewer.width, self.viewer.height) != (self.width, self.height):
            self.width = 0  # it is of no use any more
            raise Error("its size changes")
        return self.viewer.pixel(x, y)


class Guest:
    """What all share."""

    screen = False  # lodge-screen is in front
    one_head = False  # whatever the machine has

    def explain(self):
        return ""

    def state(self):
        """What the kernel says of its CRTCs: {head: (width, height)} of those that are on."""
        modes = {}
        text = self.run("cat /sys/kernel/debug/dri/0/state") or ""
        for crtc in re.split(r"^crtc\[\d+\]: ", text, flags=re.M)[1:]:
            name = re.match(r"crtc-(\d+)", crtc)
            active = re.search(r"^\s*active=(\d)", crtc, re.M)
            mode = re.search(r'^\s*mode: ".*?": \d+ \d+ (\d+) \d+ \d+ \d+ (\d+) ', crtc, re.M)
            if name and active and active[1] == "1" and mode:
                modes[int(name[1])] = (int(mode[1]), int(mode[2]))
        return modes

    def is_off(self, head):
        return head not in self.state()

    def session(self):
        """Who has the screen, as the agent says: "none", "console", "x11", "wayland"."""
        return "none"

    def wait_session(self, kind, seconds):
        """The seconds until a text console ("console") or a desktop has it; None: it has not."""
        wanted = {"console": ("console",), "desktop": ("x11", "wayland")}[kind]
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            if self.session() in wanted:
                return time.monotonic() - started
            time.sleep(0.1)
        return None

    def terminal(self):
        """(columns, rows) of the text console."""
        words = (self.run("stty size </dev/tty1") or "").split()
        return (int(words[1]), int(words[0])) if len(words) == 2 else (0, 0)


class RigGuest(Guest):
    """QEMU alone, in the folder of tests/rig/desktop/run: asks by VNC, looks by VNC."""

    way = "qemu"

    def __init__(self, folder):
        self.folder = folder
        self.serial = Serial(os.path.join(folder, "console.sock"))
        self.viewers = {}

    def boot(self, seconds):
        self.serial.wait(seconds)

    def run(self, command):
        return self.serial.run(command)

    def _viewer(self, head):
        if head not in self.viewers:
            viewer = Rfb(os.path.join(self.folder, "vnc%d.sock" % head))
            viewer.drain()
            self.viewers[head] = viewer
        return self.viewers[head]

    def request(self, head, width, height):
        """Asks, does not wait."""
        self._viewer(head).set_desktop_size(width, height)

    def off(self, head):
        self.request(head, 0, 0)

    def size(self, head):
        viewer = self._viewer(head)
        viewer.request()
        for _ in viewer.events(0.02):
            pass
        return viewer.width, viewer.height

    def picture(self, head):
        viewer = self._viewer(head)
        viewer.frame()
        return Picture(viewer.width, viewer.height, viewer.pixels)


class AgentGuest(RigGuest):
    """The same with our agent and session in the guest: what does not follow is asked to, as
    lodge-screen would (protocol/display.h, "display.attach")."""

    way = "agent"
    told = ()
    calm, grace = 0.075, 0.5

    def boot(self, seconds):
        super().boot(seconds)
        self.agent = Control(os.path.join(self.folder, "agent.sock"), seconds)
        self.attached = self.agent.open("display.attach")
        self.layout = None
        self.wanted = {}
        self.serial_number = 0
        self.told = []
        self.lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            _, name, values = self.attached.messages.get()
            self.told.append((name, values))
            if name == "layout":
                known = {one["head"] for one in (self.layout or {}).get("heads", [])}
                self.layout = values
                new = {one["head"] for one in values.get("heads", [])} - known
                if new & set(self.wanted):
                    # A monitor that the desktop had not seen when it was asked.
                    threading.Timer(self.calm, self._help, [self.wanted]).start()
            elif name == "applied" and values.get("text") == "replug":
                for head, size in list(self.wanted.items()):
                    self._viewer(head).set_desktop_size(0, 0)
                    time.sleep(0.15)
                    self._viewer(head).set_desktop_size(*size)

    def _actual(self, head):
        for one in (self.layout or {}).get("heads", []):
            if one["head"] == head and one.get("enabled"):
                return one["width"], one["height"]
        return 0, 0

    def _help(self, wish):
        with self.lock:
            if wish != self.wanted or all(self._actual(head) == size and size[0]
                                          for head, size in wish.items()):
                return
            heads = [dict(one) for one in (self.layout or {}).get("heads", [])]
            known = {one["head"] for one in heads}
            heads += [{"head": head, "enabled": False} for head, size in wish.items()
                      if head not in known and not size[0]]
            for one in heads:
                if one["head"] in wish:
                    size = wish[one["head"]]
                    one.update(enabled=bool(size[0]), scale_milli=0)
                    if size[0]:
                        one.update(width=size[0], height=size[1])
            self.serial_number += 1
            self.attached.message("apply", dict(self.layout or {}, serial=self.serial_number,
                                                heads=heads))

    def request(self, head, width, height):
        with self.lock:
            self.wanted = dict(self.wanted)
            self.wanted[head] = (width, height)
            wish = self.wanted
        # After a calm, as the screen does: a burst is one request.
        threading.Timer(self.calm, self._ask, [head, wish]).start()

    def _ask(self, head, wish):
        if wish is self.wanted:
            self._viewer(head).set_desktop_size(*wish[head])
            threading.Timer(self.grace, self._help, [wish]).start()

    def session(self):
        return (self.layout or {}).get("session", "none")

    def is_off(self, head):
        # Some desktops leave the CRTC of a monitor that is gone as it was.
        return self._actual(head) == (0, 0)

    def explain(self):
        """What the agent said last."""
        return " ".join("%s %s" % one for one in self.told[-4:])


class ScreenGuest(RigGuest):
    """The same, with lodge-screen in front: QEMU's D-Bus display and the agent's port are handed to it.
    Asks and looks by its control socket."""

    way, screen = "screen", True
    spots = None
    source = "qemu"  # as lodge-screen calls it
    handed = {"agent": "agent.sock"}  # sockets of the guest's ports, by what lodge-screen calls them

    def boot(self, seconds):
        super().boot(seconds)
        self.control = self.process = None
        self.log = open(os.path.join(self.folder, "screen.log"), "wb")
        paths = {name: os.path.join(self.folder, "screen-%s.sock" % name)
                 for name in ("vnc", "control", "handoff")}
        ready, theirs = os.pipe()
        words = [word for name, path in paths.items() for word in ("--" + name, path)]
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "lodge-screen"), "--await-" + self.source, "--ready-fd", str(theirs), *words],
            pass_fds=[theirs], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=die_with_us)
        os.close(theirs)
        if not select.select([ready], [], [], 20)[0] or not os.read(ready, 1):
            raise Error("lodge-screen does not start: " + self.explain())
        os.close(ready)
        self._hand_over(paths["handoff"])
        self.control = Control(paths["control"], 60)
        self.vnc = paths["vnc"]
        deadline = time.monotonic() + 20
        while not self.size(0)[0]:
            if time.monotonic() > deadline:
                raise Error("lodge-screen shows nothing: " + self.explain())
            time.sleep(0.1)

    def _hand_over(self, path):
        handoff = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        handoff.settimeout(20)
        handoff.connect(path)
        descriptors = [(self.source, self._display())]
        for kind, name in self.handed.items():
            port = socket.socket(socket.AF_UNIX)
            port.connect(os.path.join(self.folder, name))
            descriptors.append((kind, port))
        for kind, descriptor in descriptors:
            socket.send_fds(handoff, [b"kind=%s\n" % kind.encode()], [descriptor.fileno()])
            answer = handoff.recv(1024)
            descriptor.close()
            if answer != b"ok":
                raise Error("handing over %s: %r" % (kind, answer))
        handoff.close()

    def _display(self):
        """Our end of a new connection to QEMU's D-Bus display."""
        qmp = socket.socket(socket.AF_UNIX)
        qmp.connect(os.path.join(self.folder, "qmp.sock"))
        answers = qmp.makefile("r")
        ours, theirs = socket.socketpair()
        answers.readline()
        for command, passed in (({"execute": "qmp_capabilities"}, []),
                                ({"execute": "getfd", "arguments": {"fdname": "display"}}, [theirs]),
                                ({"execute": "add_client", "arguments": {
                                    "protocol": "@dbus-display", "fdname": "display"}}, [])):
            socket.send_fds(qmp, [json.dumps(command).encode()], [one.fileno() for one in passed])
            while "return" not in (answer := json.loads(answers.readline())):
                if "error" in answer:
                    raise Error("QEMU: %s" % answer["error"]["desc"])
        theirs.close()
        qmp.close()
        return ours

    def request(self, head, width, height):
        self.control.open("screen.display", {"head": head, "width": width, "height": height})

    def ask(self, head, width, height):
        """What is said of the head, when the guest has followed or will not."""
        said = self.control.display(head=head, width=width, height=height)
        return {one["head"]: one for one in said["heads"]}[head]

    def off(self, head):
        self.control.open("screen.display", {"head": head, "off": True})

    def scale(self, head, size, milli):
        self.control.open("screen.display", {"head": head, "width": size[0], "height": size[1],
                                             "scale_milli": milli})

    def point(self, x, y):
        """As a viewer, on the whole desktop's picture."""
        viewer = self._vnc_viewer = getattr(self, "_vnc_viewer", None) or Rfb(self.vnc)
        viewer.pointer(x, y)

    def session(self):
        return self.control.info().get("session", "none")

    def size(self, head):
        one = self.control.heads().get(head, {})
        return (one.get("width", 0), one.get("height", 0)) if one.get("enabled") else (0, 0)

    def is_off(self, head):
        return self.size(head) == (0, 0)

    def picture(self, head):
        width, height = self.size(head)
        if width * height <= Spots.LARGE:
            self.spots = None
            return self.control.capture(head, "raw")
        # One that stays: what nobody looks at is not fetched.
        if not self.spots or (self.spots.width, self.spots.height) != (width, height):
            self.spots = Spots(self.vnc)
        return self.spots

    def explain(self):
        """What lodge-screen says of the heads, and in its log."""
        with open(self.log.name, encoding="utf-8") as log:
            said = log.read().strip()
        return "%s %s" % (self.control.info() if self.control else "", said[-500:])


class VncGuest(ScreenGuest):
    """The same by QEMU's VNC server, of which lodge-screen is a viewer. It shows one head."""

    way, source, one_head = "vnc", "vnc", True

    def _display(self):
        ours = socket.socket(socket.AF_UNIX)
        ours.connect(os.path.join(self.folder, "vnc0.sock"))
        return ours


class StockGuest(ScreenGuest):
    """The same, and the guest has SPICE's own agent instead of ours."""

    way = "stock"
    handed = {"spice": "spice-port.sock"}


class LodgeGuest(ScreenGuest):
    """A VM of lodge, by its name: commands by `lodge exec`, its screen by the control socket that lodged
    has made for it."""

    way = "lodge"

    def __init__(self, name):
        self.name = name
        self.control = None
        self.said = ""
        runtime = os.environ.get("LODGE_RUNTIME_DIR", "/run/lodge")
        self.folder = os.path.join(runtime, "vm", name)

    def lodge(self, *words, seconds=30):
        try:
            done = subprocess.run(("lodge",) + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=seconds, check=False, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as error:
            raise Error("lodge %s: no answer within %g s" % (words[0], seconds)) from error
        self.said = done.stderr.decode("utf-8", "replace").strip()
        return done

    def boot(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Error("the agent did not answer within %d s: %s\n%s" % (
                    seconds, self.said, self._console()))
            # One that began before the guest's agent may wait longer than need be.
            with contextlib.suppress(Error):
                if self.lodge("exec", self.name, "--", "true", seconds=min(left, 60)).returncode == 0:
                    break
            time.sleep(0.5)
        self.control = Control(os.path.join(self.folder, "screen.sock"), 60)
        self.vnc = os.path.join(self.folder, "vnc.sock")

    def _console(self):
        """What the guest has said last on its serial line."""
        with subprocess.Popen(["lodge", "console", self.name], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as console:
            time.sleep(5)
            console.kill()
            return console.stdout.read().decode("utf-8", "replace")[-2000:]

    def run(self, command):
        # One that paints a huge picture in software answers late.
        done = self.lodge("exec", self.name, "--", "sh", "-c", command, seconds=180)
        return done.stdout.decode("utf-8", "replace").strip("\n")

    def explain(self):
        return "%s %s" % (self.control.info() if self.control else "", self.said)
