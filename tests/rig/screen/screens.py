# SPDX-License-Identifier: LGPL-2.1-or-later
"""lodge-screen in front of the stand-in for a machine, for tests without a guest."""
import json
import os
import select
import subprocess
import sys
import threading
import time

from picture import Error

HERE = os.path.dirname(os.path.abspath(__file__))

# evdev codes of a US keyboard, and what they type.
_ROWS = {2: "1234567890-=", 16: "qwertyuiop[]", 30: "asdfghjkl;'`", 43: "\\zxcvbnm,./"}
KEYS = {start + i: character for start, row in _ROWS.items() for i, character in enumerate(row)}
KEYS[57], KEYS[28], KEYS[15] = " ", "\n", "\t"
_SHIFTED = dict(zip("1234567890-=qwertyuiop[]asdfghjkl;'`\\zxcvbnm,./",
                    '!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"~|ZXCVBNM<>?'))
SHIFTS = (42, 54)


class StandIn:
    """stand_in.py as a process; what it prints, as lists."""

    def __init__(self, path, *options):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "stand_in.py"), path, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.events = []
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        if not self.wait(lambda: self.seen("ready"), 10):
            raise Error("the stand-in for a machine does not start")

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            event["seen"] = time.monotonic()
            with self.changed:
                self.events.append(event)
                self.changed.notify_all()

    def seen(self, kind):
        return [event for event in list(self.events) if event["event"] == kind]

    def wait(self, condition, seconds):
        deadline = time.monotonic() + seconds
        with self.changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(min(left, 0.1))
        return True

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def size(self, head):
        sizes = [(event["width"], event["height"]) for event in self.seen("scanout")
                 if event["head"] == head]
        return sizes[-1] if sizes else (1024, 768) if head == 0 else (0, 0)

    def forget(self):
        """What was typed and pointed at so far."""
        with self.changed:
            self.events = [event for event in self.events if event["event"] in ("scanout", "ready")]

    def text(self):
        """What was typed, on a US keyboard."""
        shift, typed = False, ""
        for event in self.seen("key"):
            if event["code"] in SHIFTS:
                shift = bool(event["down"])
            elif event["down"] and event["code"] in KEYS:
                character = KEYS[event["code"]]
                typed += _SHIFTED.get(character, character) if shift else character
        return typed

    def pointer(self):
        """The pixel that the tablet points at, on one head."""
        places = self.seen("pointer")
        if not places:
            return None, None
        width, height = self.size(0)
        return places[-1]["x"] * width // 32768, places[-1]["y"] * height // 32768

    def close(self):
        self.process.kill()
        self.process.wait()


def memory_of(process):
    """KiB of its own: without what it maps of the machine."""
    with open("/proc/%d/smaps_rollup" % process, encoding="ascii") as lines:
        return [int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")][0]


class Screen:
    """Starts both in a folder: `vnc`, `control`, `handoff` are the paths of its sockets."""

    def __init__(self, program, folder, *options, machine=()):
        self.folder = folder
        self.vnc, self.control, self.handoff = (os.path.join(folder, name + ".sock")
                                                for name in ("vnc", "control", "handoff"))
        self.display = os.path.join(folder, "display.sock")
        self.program, self.options = program, options
        self.machine = StandIn(self.display, *machine)
        self.start()

    def start(self):
        """lodge-screen; again, when it has died."""
        self.log = open(os.path.join(self.folder, "screen.log"), "ab")
        ready, theirs = os.pipe()
        self.process = subprocess.Popen(
            [self.program, "--vmm", self.display, "--vnc", self.vnc, "--control", self.control,
             "--handoff", self.handoff, "--ready-fd", str(theirs), *self.options],
            pass_fds=[theirs], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        os.close(theirs)
        up = select.select([ready], [], [], 10)[0] and os.read(ready, 1)
        os.close(ready)
        if not up:
            self.close()
            with open(self.log.name, encoding="utf-8") as log:
                raise Error("lodge-screen does not start: %s" % log.read().strip())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.machine.close()
        self.log.close()
