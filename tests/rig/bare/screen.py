#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's side of the bare guest's suites gpu and input: tests/rig/bare/screen.py SOCKET

Looks at what the guest shows, asks for modes, presses keys; a line "ok NAME" or "not ok NAME: WHY"
each. The guest goes on when it has seen what is done here (guest/test_gpu.c, guest/test_input.c).
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../display"))
sys.dont_write_bytecode = True
import channel as lodge  # noqa: E402

KEY_A, BTN_LEFT, LED_CAPSL = 30, 0x110, 1


def check(name, condition, why=""):
    print("ok " + name if condition else "not ok %s: %s" % (name, why), flush=True)
    return condition


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
        packet = screen.receive(5)
        if not packet or packet[0] == lodge.DAMAGE:
            return packet[2:] if packet else None


def follow_pictures(screen):
    check("screen/first-size", screen.wait(lambda: screen.size(0) == (320, 200)), screen.size(0))
    check("screen/driver", screen.has_driver(), "none is there")
    got = damage(screen)
    check("screen/damage", got == (0, 0, 320, 200), got)
    look_at_the_pattern(screen)
    screen.wait(lambda: screen.cursor(0)[3:5] == (17, 28), 5)
    visible, hot_x, hot_y, x, y, pixels = screen.cursor(0)
    check("screen/cursor", (visible, hot_x, hot_y, x, y) == (1, 7, 8, 17, 28) and
          pixels[:8] == bytes.fromhex("0102030405060708"), (visible, hot_x, hot_y, x, y))
    screen.mode(0, 800, 600)
    check("screen/second-size", screen.wait(lambda: screen.size(0) == (800, 600)), screen.size(0))
    check("screen/second-pixel", screen.picture(0).at(799, 599) == (0x12, 0x34, 0x56),
          screen.picture(0).at(799, 599))
    screen.mode(0, 0, 0, enabled=0)
    check("screen/dark", screen.wait(lambda: not screen.size(0)), screen.size(0))


def press_keys(screen):
    """Again and again: nothing says when the guest's driver listens."""
    def lit():
        screen.key(KEY_A, 1)
        screen.key(KEY_A, 0)
        return screen.leds == 1 << LED_CAPSL

    check("screen/leds", screen.wait(lit), screen.leds)


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


def main(path):
    screen = lodge.Channel(path)
    try:
        follow_pictures(screen)
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
    sys.exit(main(sys.argv[1]))
