#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's side of the bare guest's suites gpu and input: tests/rig/bare/screen.py SOCKET [CONTROL]

Looks at what the guest shows, asks for modes, presses keys; a line "ok NAME" or "not ok NAME: WHY"
each. The guest goes on when it has seen what is done here (guest/test_gpu.c, guest/test_input.c).
DRAGS: how many sizes it wishes, one after the other (100). With the machine's control socket: pauses, resumes, restarts and stops it, and looks at that.
"""

import os
import random
import socket
import struct
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(here, "../display"), os.path.join(here, "../screen")]
sys.dont_write_bytecode = True
import channel as lodge  # noqa: E402
import protocol  # noqa: E402

SECONDS = 60  # for what a guest does on a machine that is busy
KEY_A, BTN_LEFT, LED_CAPSL = 30, 0x110, 1
DRAGS = int(os.environ.get("DRAGS", "100"))


def check(name, condition, why=""):
    print("ok " + name if condition else "not ok %s: %s" % (name, why), flush=True)
    return condition


def shows(screen, name, size):
    return check(name, screen.wait(lambda: screen.size(0) == size, SECONDS), screen.size(0))


def machine_of(screen):
    """The process at the other end."""
    credentials = screen.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("3i", credentials)[0]


def wakeups(process, only_main):
    """How often its threads have waited so far; those that are the guest's CPUs aside."""
    total = 0
    for thread in [str(process)] if only_main else os.listdir("/proc/%d/task" % process):
        with open("/proc/%d/task/%s/status" % (process, thread), encoding="utf-8") as status:
            lines = dict(line.split(":", 1) for line in status)
        if not lines["Name"].strip().startswith("vcpu"):
            total += int(lines["voluntary_ctxt_switches"])
    return total


def sleeps(name, process, only_main=False):
    """Soon there is a second without one wakeup."""
    seen = []
    while len(seen) < 20 and 0 not in seen:
        before = wakeups(process, only_main)
        time.sleep(1)
        seen.append(wakeups(process, only_main) - before)
    check(name, 0 in seen, "wakeups a second: %s" % seen)


def pattern(x, y):
    return (x & 0xFF, y & 0xFF, 0x5A)


def look_at_the_pattern(screen):
    picture = screen.picture(0)
    wrong = [(x, y) for y in range(200) for x in range(320) if picture.at(x, y) != pattern(x, y)]
    check("screen/pixels", not wrong, "%d pixels are wrong, first %s" % (len(wrong), wrong[:1]))


def damage(screen):
    """The rectangle that comes next."""
    screen.next(0)
    while True:
        packet = screen.receive(SECONDS)
        if not packet or packet[0] == lodge.DAMAGE:
            return packet[2:] if packet else None


def follow_pictures(screen, path):
    shows(screen, "screen/first-size", (320, 200))
    check("screen/driver", screen.has_driver(), "none is there")
    got = damage(screen)
    check("screen/damage", got == (0, 0, 320, 200), got)
    look_at_the_pattern(screen)
    screen.wait(lambda: screen.cursor(0)[3:5] == (17, 28), SECONDS)
    visible, hot_x, hot_y, x, y, pixels = screen.cursor(0)
    check("screen/cursor", (visible, hot_x, hot_y, x, y) == (1, 7, 8, 17, 28) and
          pixels[:8] == bytes.fromhex("0102030405060708"), (visible, hot_x, hot_y, x, y))
    screen.mode(0, 800, 600)
    if shows(screen, "screen/second-size", (800, 600)):
        pixel = screen.picture(0).at(799, 599)
        check("screen/second-pixel", pixel == (0x34, 0x34, 0x34), pixel)
    # The guest waits and changes nothing.
    process = machine_of(screen)
    screen.next(0)
    while screen.receive(0.2):
        pass
    sleeps("screen/nothing-changes", process)
    screen.socket.close()
    sleeps("screen/nobody-looks", process)
    screen.__init__(path)
    screen.mode(0, 0, 0, enabled=0)
    shows(screen, "screen/dark", None)


def memory_of(process):
    """KiB of its own, and how many descriptors it has."""
    with open("/proc/%d/smaps_rollup" % process, encoding="ascii") as lines:
        kib = [int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")][0]
    return kib, len(os.listdir("/proc/%d/fd" % process))


def drag(screen):
    """One size after the other; a tenth of them is for what is allocated once."""
    chance, process, early = random.Random(5), machine_of(screen), None
    for turn in range(DRAGS):
        size = (800, 600) if turn == 0 else (chance.randrange(64, 800), chance.randrange(64, 600))
        screen.mode(0, *size)
        if not screen.wait(lambda: screen.size(0) == size, SECONDS):
            check("screen/drags", False, "after %d: %s, not %s" % (turn, screen.size(0), size))
            return
        if turn == DRAGS // 10:
            early = memory_of(process)
    late = memory_of(process)
    check("screen/drags", True)
    check("screen/drags-memory", late[0] - early[0] < 512, "%d KiB more" % (late[0] - early[0]))
    check("screen/drags-descriptors", late[1] == early[1], "%d, not %d" % (late[1], early[1]))
    print("# %d sizes: %d KiB and %d descriptors after a tenth, %d and %d at the end" % (DRAGS, *early, *late),
          file=sys.stderr)
    screen.mode(0, 0, 0, enabled=0)
    shows(screen, "screen/drags-end", None)


def press_keys(screen):
    """Again and again: nothing says when the guest's driver listens."""
    def lit():
        screen.key(KEY_A, 1)
        screen.key(KEY_A, 0)
        return screen.leds == 1 << LED_CAPSL

    check("screen/leds", screen.wait(lit, SECONDS), screen.leds)


def move_pointers(screen):
    """Until the machine ends."""
    turn = 0
    while True:
        turn = 1 - turn
        screen.send(lodge.POINTER, 1000 + turn, 32767)
        screen.send(lodge.BUTTON, BTN_LEFT, turn)
        screen.send(lodge.MOTION, -3, 4)
        screen.send(lodge.WHEEL, 0, -1)
        screen.receive(0.1)


def pause_and_restart(path, control_path):
    screen = lodge.Channel(path)
    shows(screen, "life/first-size", (320, 200))
    # It paints as fast as it can; we have not asked for any of that.
    sleeps("life/nobody-looks", machine_of(screen), only_main=True)
    control = protocol.Control(control_path)
    control.request("vm.pause")
    # Somebody else connects while it is paused, and sees what is there.
    later = lodge.Channel(path)
    check("life/paused-picture", later.size(0) == (320, 200), later.size(0))
    look_at_the_pattern(later)
    try:
        while screen.receive(1):
            pass
        check("life/the-old-one-is-gone", False, "it is still connected")
    except EOFError:
        check("life/the-old-one-is-gone", True)
    later.mode(0, 800, 600)
    check("life/paused-means-paused", not later.wait(lambda: later.size(0) == (800, 600), 1),
          "it has drawn")
    control.request("vm.resume")
    shows(later, "life/resumed", (800, 600))
    control.request("vm.reset")
    shows(later, "life/restarted", (320, 200))
    check("life/driver", later.has_driver(), "none is there")
    look_at_the_pattern(later)
    control.request("vm.pause")
    control.request("vm.reset")
    check("life/restarted-from-pause", later.wait(lambda: not later.has_driver(), 5) or
          later.size(0) == (320, 200), later.size(0))
    try:
        control.request("vm.stop")
    except protocol.Error:
        pass
    try:
        while later.receive(10):
            pass
        check("life/complete", False, "the machine has not ended")
    except EOFError:
        check("life/complete", True)


def main(path, control_path=None):
    if control_path:
        pause_and_restart(path, control_path)
        return 0
    screen = lodge.Channel(path)
    try:
        follow_pictures(screen, path)
        drag(screen)
        press_keys(screen)
    except (EOFError, ConnectionError, AttributeError, RuntimeError) as error:
        check("screen/complete", False, error)
        return 1
    try:
        move_pointers(screen)
    except (EOFError, ConnectionError):
        check("screen/complete", True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
