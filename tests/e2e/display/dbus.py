#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A viewer on GLib's D-Bus in front of lodge-screen and a machine that is only a display.

usage: dbus.py PROGRAM CLIENT
"""
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "rig", "screen"))

from checks import Checks, wait  # noqa: E402
from handoff import hand_over  # noqa: E402
from picture import Error  # noqa: E402
from protocol import Control, Refused  # noqa: E402
from screens import Screen  # noqa: E402

CORNERS = "ff0000 00ff00 0000ff ff00ff"


class Client:
    def __init__(self, program, screen, *options, **keys):
        ours, theirs = socket.socketpair()
        hand_over(screen.handoff, "dbus-client", theirs, **keys)
        theirs.close()
        self.process = subprocess.Popen(
            [program, str(ours.fileno()), *options], pass_fds=[ours.fileno()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ours.close()
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        if self._line() != "connected":
            raise Error("the client does not connect")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def _line(self):
        try:
            line = self.lines.get(timeout=10)
        except queue.Empty:
            line = None
        if line is None:
            raise Error("the client does not answer")
        return line

    def __call__(self, line):
        """The answer, without its first word."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._line().partition(" ")[2]

    def close(self):
        self.process.kill()
        self.process.wait()


def pictures(check, client, machine, how):
    for width, height in ((1366, 768), (1023, 767), (1920, 1080), (64, 64)):
        check("%s: %dx%d is asked for" % (how, width, height),
              client("size %d %d" % (width, height)) == "done")
        check("%s: the machine follows to %dx%d" % (how, width, height),
              wait(lambda: machine.size(0) == (width, height), 3), machine.size(0))
        wanted = "%s %dx%d %s" % (how, width, height, CORNERS)
        check("%s: the picture is %dx%d and right" % (how, width, height),
              wait(lambda: client("frame") == wanted, 3), client("frame"))


def described(check, client):
    check("the machine's name", client("get VM Name") == "'stand-in'", client("get VM Name"))
    check("its consoles", client("get VM ConsoleIDs") == "[0]", client("get VM ConsoleIDs"))
    check("a console's size", client("get Console Width") == "64", client("get Console Width"))
    check("all objects", client("objects") == "/org/qemu/Display1/VM:1 /org/qemu/Display1/Clipboard:1 "
          "/org/qemu/Display1/Console_0:3", client("objects"))
    names = client("introspect /org/qemu/Display1/Console_0").split()
    check("introspection is understood", {"org.qemu.Display1.Console", "org.qemu.Display1.Keyboard",
                                          "org.qemu.Display1.Mouse"} <= set(names), names)


def inputs(check, client, machine):
    client("size 800 600")
    wait(lambda: machine.size(0) == (800, 600), 3)
    wait(lambda: "800x600" in client("frame"), 3)
    for code in (0x23, 0x17):
        client("key %d" % code)
    check("keys arrive", wait(lambda: machine.text() == "hi", 3), repr(machine.text()))
    client("pointer 799 10")
    check("pointer arrives", wait(lambda: machine.pointer() == (799, 10), 3), machine.pointer())
    client("button 0")
    client("button 4")
    check("buttons arrive", wait(lambda: [(one["code"], int(one["down"])) for one in machine.seen("button")]
                                 == [(0x110, 1), (0x110, 0)], 3), machine.seen("button"))
    check("wheel arrives", wait(lambda: [one["dy"] for one in machine.seen("wheel")] == [-1], 3),
          machine.seen("wheel"))


def clipboards(check, client, screen):
    control = Control(screen.control)

    def got():
        try:
            return control.request("screen.clipboard-get", {})[1].decode()
        except Refused as error:
            return "refused: %s" % error

    check("its text is taken", client("copy grüße ✓") == "done")
    check("and reaches the clipboard", wait(lambda: got() == "grüße ✓", 3), got())
    control.request("screen.clipboard-set", {}, "zurück".encode())
    check("the clipboard's text reaches it", wait(lambda: client("paste") == "zurück", 3), client("paste"))
    control.close()


class Second:
    """Another lodge-screen, whose machine is the first one's D-Bus display."""

    def __init__(self, program, screen, folder):
        ours, theirs = socket.socketpair()
        hand_over(screen.handoff, "dbus-client", theirs, peer="second")
        theirs.close()
        self.control = os.path.join(folder, "second-control.sock")
        self.log = open(os.path.join(folder, "second.log"), "wb")
        self.process = subprocess.Popen(
            [program, "--qemu", str(ours.fileno()), "--control", self.control, "--name", "second"],
            pass_fds=[ours.fileno()], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        ours.close()
        if not wait(lambda: os.path.exists(self.control), 10):
            raise Error("a second lodge-screen does not start")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def chained(check, program, screen, folder):
    """What stands in for QEMU is another lodge-screen: both ends of the interface are ours."""
    machine = screen.machine
    second = Second(program, screen, folder)
    try:
        control = Control(second.control)
        refusals = []

        def asked():
            try:
                control.display(head=0, width=1280, height=720)
                return True
            except Refused as error:
                refusals.append(str(error))
                return False

        # Its control socket is there before the machine has told it of a display.
        check("second: it has a display", wait(asked, 10), refusals[-1:])
        check("second: the machine follows", wait(lambda: machine.size(0) == (1280, 720), 5), machine.size(0))

        def colours():
            try:
                picture = control.capture(0)
            except Refused as error:
                return str(error)
            right, below = picture.width - 4, picture.height - 4
            spots = [picture.at(x, y) for x, y in ((3, 3), (right, 3), (3, below), (right, below))]
            return "%dx%d %s" % (picture.width, picture.height,
                                 " ".join("%02x%02x%02x" % spot for spot in spots))

        check("second: sees the picture", wait(lambda: colours() == "1280x720 " + CORNERS, 5), colours())
        before = len(machine.text())
        control.request("screen.type", {"data": b"chained"})
        check("second: types", wait(lambda: machine.text()[before:] == "chained", 5),
              repr(machine.text()[before:]))
        control.close()
    finally:
        second.close()


def main():
    program, client_program = sys.argv[1], sys.argv[2]
    check = Checks()
    with tempfile.TemporaryDirectory(prefix="lodge-dbus.") as folder:
        screen = Screen(program, folder, "--name", "stand-in")
        clients = []
        try:
            clients.append(Client(client_program, screen))
            clients.append(Client(client_program, screen, "map"))
            pictures(check, clients[0], screen.machine, "bytes")
            pictures(check, clients[1], screen.machine, "map")
            described(check, clients[1])
            inputs(check, clients[1], screen.machine)
            clipboards(check, clients[0], screen)
            chained(check, program, screen, folder)
            looker = Client(client_program, screen, "map", view_only=1, peer="looker")
            clients.append(looker)
            check("view only: sees", wait(lambda: looker("frame").endswith(CORNERS), 3), looker("frame"))
            check("view only: changes nothing", looker("size 640 480") == "refused")
            for client in clients:
                client.close()
            check("viewers that have gone leave nothing behind",
                  wait(lambda: not Control(screen.control).info().get("viewers"), 3))
        except Error as error:
            check("all steps", False, error)
        finally:
            for client in clients:
                client.close()
            screen.close()
    print("dbus: %d passed, %d failed" % (check.passed, check.failed))
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
