#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""lodge-screen in front of a real QEMU, over org.qemu.Display1, peer to peer, and over its VNC server.

usage: qemu.py PROGRAM

QEMU's firmware is all the guest there is: its text is captured and compared with QEMU's own
screendump; keys that are typed reach its boot menu; a second console comes and goes; QEMU is
connected to again, and ends. Over VNC also the pointer, and a machine whose mouse is relative.
"""
import array
import atexit
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "rig", "screen"))

from checks import Checks, wait  # noqa: E402
from handoff import hand_over  # noqa: E402
from protocol import Control, Refused  # noqa: E402
from rfb import Rfb  # noqa: E402


DBUS = ("-display", "dbus,p2p=yes")
EXTENDED_CLIPBOARD = -1063131698
TEXT, REQUEST, NOTIFY, PROVIDE = 1, 1 << 25, 1 << 27, 1 << 28
TABLET = ("-device", "virtio-tablet-pci")


class Qemu:
    def __init__(self, folder, *options, display=DBUS, pointer=TABLET):
        self.client = "@dbus-display" if display == DBUS else "vnc"
        self.qmp_path = os.path.join(folder, "qmp.sock")
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-nodefaults", "-vga", "none", "-boot", "menu=on",
             "-device", "virtio-vga,max_outputs=2", *pointer, *display,
             "-qmp", "unix:%s,server=on,wait=off" % self.qmp_path, *options],
            stdin=subprocess.DEVNULL)
        atexit.register(self.close)
        deadline = time.monotonic() + 20
        while not os.path.exists(self.qmp_path) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.qmp = socket.socket(socket.AF_UNIX)
        self.qmp.settimeout(20)
        self.qmp.connect(self.qmp_path)
        self.lines = self.qmp.makefile("r")
        self.lines.readline()
        self.command("qmp_capabilities")

    def command(self, name, fd=None, **arguments):
        said = json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n"
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
        self.qmp.sendmsg([said], rights)
        while True:
            answer = json.loads(self.lines.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RuntimeError("%s: %s" % (name, answer["error"]["desc"]))

    def display(self):
        """Our end of a new connection to its displays."""
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        self.command("getfd", fd=theirs.fileno(), fdname="display")
        self.command("add_client", protocol=self.client, fdname="display", skipauth=True)
        theirs.close()
        return ours

    def dump(self, path):
        """What it shows, by its own account: rows of R G B."""
        self.command("screendump", filename=path)
        with open(path, "rb") as file:
            data = file.read()
        head, at = [], 0
        while len(head) < 4:
            end = at
            while data[end] not in b" \n":
                end += 1
            head.append(data[at:end])
            at = end + 1
        return int(head[1]), int(head[2]), data[at:]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def same(picture, dump):
    width, height, pixels = dump
    if (picture.width, picture.height) != (width, height):
        return "%dx%d, not %dx%d" % (picture.width, picture.height, width, height)
    for y in range(height):
        for x in range(width):
            at = (y * width + x) * 3
            if picture.at(x, y) != tuple(pixels[at:at + 3]):
                return "%d,%d is %s, not %s" % (x, y, picture.at(x, y), tuple(pixels[at:at + 3]))
    return ""


def alike(control, qemu, folder, seconds=15.0):
    """Captures until one is what QEMU dumps right after it: the firmware goes on meanwhile."""
    why, deadline = "", time.monotonic() + seconds
    while time.monotonic() < deadline:
        picture, dump = control.capture(), qemu.dump(os.path.join(folder, "dump.ppm"))
        why = same(picture, dump)
        if not why:
            break
    return why


def settle(control, seconds=30.0):
    """Waits until the picture stays the same for a second."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        now = control.request("screen.capture", {"format": "raw"})[1]
        if now == last:
            break
        last = now
        time.sleep(1.0)


def size_of(control, head):
    one = control.heads().get(head, {})
    return one.get("width", 0), one.get("height", 0)


def screen(program, folder, *options, fds=()):
    paths = [os.path.join(folder, name + ".sock") for name in ("control", "handoff", "vnc")]
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)
    process = subprocess.Popen([program, "--control", paths[0], "--handoff", paths[1], "--vnc", paths[2], *options],
                               pass_fds=fds)
    atexit.register(process.kill)
    # The one for descriptors is the last that is there.
    if not wait(lambda: os.path.exists(paths[1]) or process.poll() is not None, 20) or process.poll() is not None:
        raise SystemExit("lodge-screen does not start")
    return process, paths


def reach_menu(check, control, qemu, folder, before):
    """Restarts the machine and presses Escape until its boot menu shows."""
    qemu.command("system_reset")
    for _ in range(20):
        control.request("screen.key", {"keys": ["esc"]})
        time.sleep(0.2)
    settle(control)
    menu = qemu.dump(os.path.join(folder, "menu.ppm"))
    check("keys reach the firmware's boot menu", menu != before)
    why = alike(control, qemu, folder)
    check("the menu is captured right", not why, why)
    return menu


def come_and_go(check, program, folder, qemu, menu, kind):
    """Connections are handed over; returns who takes them."""
    again = qemu.display()
    process, (control_path, handoff, _) = screen(program, folder, "--await-" + kind)
    control = Control(control_path)
    check("it waits for a connection", size_of(control, 0) == (0, 0))
    hand_over(handoff, kind, again)
    again.close()
    check("a connection is handed over", wait(lambda: size_of(control, 0) == menu[:2], 10), control.heads())
    why = alike(control, qemu, folder)
    check("and shows the same", not why, why)
    other = qemu.display()
    hand_over(handoff, kind, other)
    other.close()
    check("another one takes its place", wait(lambda: size_of(control, 0) == menu[:2], 10), control.heads())
    why = alike(control, qemu, folder)
    check("and shows the same again", not why, why)
    return process


def begin(check, program, folder, qemu, option):
    """(process, control, path of a VNC socket, what the firmware shows at last)"""
    ours = qemu.display()
    process, (control_path, _, vnc) = screen(program, folder, option, str(ours.fileno()), fds=(ours.fileno(),))
    ours.close()
    control = Control(control_path)
    check("its console is the first head", wait(lambda: size_of(control, 0)[0] > 0, 20), control.heads())
    wait(lambda: size_of(control, 0) == (720, 400), 20)  # the firmware's text
    settle(control)
    why = alike(control, qemu, folder)
    check("a capture is what QEMU dumps", not why, why)
    check("it is not empty", len(control.capture().colours()) > 1)
    check("a second console is off", size_of(control, 1) == (0, 0), size_of(control, 1))
    return process, control, vnc, qemu.dump(os.path.join(folder, "dump.ppm"))


def by_dbus(check, program, folder):
    qemu = Qemu(folder)
    process, control, vnc, dump = begin(check, program, folder, qemu, "--qemu")
    viewer = Rfb(vnc)
    viewer.drain()
    check("a VNC viewer has the size", (viewer.width, viewer.height) == (dump[0], dump[1]))
    menu = reach_menu(check, control, qemu, folder, dump)
    viewer.close()
    process.terminate()
    check("it ends when told", process.wait(10) == 0)
    process = come_and_go(check, program, folder, qemu, menu, "qemu")
    qemu.close()
    began = time.monotonic()
    check("it ends when no other comes", process.wait(20) == 0)
    check("after a while", time.monotonic() - began > 5)


def sees(viewer, qemu, folder):
    viewer.frame()
    red, green, blue = viewer.pixels[2::4], viewer.pixels[1::4], viewer.pixels[0::4]
    width, height, dump = qemu.dump(os.path.join(folder, "seen.ppm"))
    return (viewer.width, viewer.height) == (width, height) and \
        (red, green, blue) == (dump[0::3], dump[1::3], dump[2::3])


def clipboards(check, control, path):
    """Another viewer of QEMU's shares its clipboard, and stands for a guest with a vdagent."""
    other = Rfb(path)
    other.encodings([0, EXTENDED_CLIPBOARD])

    def say(flags, text=None):
        packed = b"" if text is None else zlib.compress(struct.pack(">I", len(text) + 1) + text + b"\0")
        other.send(struct.pack(">BxxxiI", 6, -len(packed) - 4, flags | TEXT) + packed)

    def hear(flags, seconds=20.0):
        for _, kinds in other.events(seconds):
            if "clipboard" in kinds and other.cut_text[:4] == struct.pack(">I", flags | TEXT):
                return other.cut_text[4:]
        return None

    def pasted():
        """What somebody pastes here; nothing, as long as it is not known here that there is something."""
        stream = control.open("screen.clipboard-get")
        while not stream.ended.is_set() and hear(REQUEST, 0.2) is None:
            pass
        try:
            say(PROVIDE, b"from\r\nthere")
            return stream.wait(20)[1]
        except Refused:
            return b""

    say(NOTIFY)
    check("what is copied there is pasted here", wait(lambda: pasted() == b"from\nthere", 20))
    control.request("screen.clipboard-set", {}, b"from\nhere")
    hear(NOTIFY)
    say(REQUEST)
    packed = hear(PROVIDE)
    text = zlib.decompressobj().decompress(packed) if packed else b""
    check("and the other way", text[4:] == b"from\r\nhere\0", text)
    other.close()


def by_vnc(check, program, folder):
    own = os.path.join(folder, "qemu-vnc.sock")
    qemu = Qemu(folder, display=("-vnc", "unix:" + own))
    process, control, vnc, dump = begin(check, program, folder, qemu, "--vnc-source")
    check("it says what it is", control.info().get("source") == "vnc", control.info())
    viewer = Rfb(vnc)
    viewer.drain()
    check("a VNC viewer sees what QEMU dumps", wait(lambda: sees(viewer, qemu, folder), 15))
    menu = reach_menu(check, control, qemu, folder, dump)
    viewer.close()
    clipboards(check, control, own)
    process.terminate()
    check("it ends when told", process.wait(10) == 0)
    process = come_and_go(check, program, folder, qemu, menu, "vnc")
    process.terminate()
    process.wait(10)
    qemu.close()


def try_all(program):
    check = None
    for name, step in (("qemu", by_dbus), ("vnc", by_vnc)):
        counts = (check.passed, check.failed) if check else (0, 0)
        check = Checks(name)
        check.passed, check.failed = counts
        with tempfile.TemporaryDirectory() as folder:
            step(check, program, folder)
    return check


def main():
    check = try_all(sys.argv[1])
    print("%d passed, %d failed" % (check.passed, check.failed))
    sys.exit(check.failed != 0)


if __name__ == "__main__":
    main()
