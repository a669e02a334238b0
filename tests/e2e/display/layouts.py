# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keyboards: what viewers send arrives as keys that make the right characters in a guest of that layout.

The guest is lodge-screen's stand-in for a machine; the keys it is given are pressed again in an X
server that is set to the guest's layout, and what xev reads there is what would have been typed. One
viewer sends keysyms (libvncclient), one the places of keys (TigerVNC, on an X server with another
layout than the guest's: then it is the guest's that counts).
"""
import ctypes
import re
import tempfile

from checks import wait
from screens import Screen
from viewer_windows import LibVNCClient, Relay, TigerVNC
from xvfb import Xvfb

# Guest's layout, the viewer's, what is typed by keysyms, and what the keys below make in the guest.
LAYOUTS = (
    ("us", "fr", "Az19 !@#|\\~\"{}", "qy;'1-"),
    ("de", "us", "Zyß?1 €@{\\|ÄöÜ", "qzöä1ß"),
    ("fr", "de", "aQéà1 @{€ç§!", "aymù&)"),
    ("jp", "ru", "Az1 \"@^_|:;+", "qy;:1-"),
    ("ru", "jp", "Привет, ёж №1", "йнжэ1-"),
)
# Where an American keyboard has q y ; ' 1 -, as X counts: evdev's code and 8.
PLACES = (24, 29, 47, 48, 10, 20)
ESCAPE = 1


def keysyms(text):
    """As viewers on X name characters."""
    library = ctypes.CDLL("libxkbcommon.so.0")
    return [library.xkb_utf32_to_keysym(ord(character)) for character in text]


class Reader:
    """An X server with a layout, and what its keys type there."""

    def __init__(self):
        self.x = Xvfb(640, 480)
        self.x.environment["LC_ALL"] = "C.UTF-8"
        self.log = tempfile.TemporaryFile()
        self.process = self.x.start("xev", "-event", "keyboard", log=self.log)
        self.window = self.x.window("Event Tester")
        self.read = 0

    def text(self):
        """What was typed since it was asked last, or None before the end of it has come."""
        self.log.seek(self.read)
        said = self.log.read().decode("utf-8", "replace")
        if "(keysym 0xff1b, Escape)" not in said.split("KeyRelease")[-1] or \
                said.count("KeyRelease event") < said.count("KeyPress event"):
            return None
        self.read = self.log.tell()
        typed = b""
        for event in said.split("Key")[1:]:
            found = re.search(r"XmbLookupString gives \d+ bytes: \(([0-9a-f ]*)\)", event)
            if event.startswith("Press event") and found:
                typed += bytes.fromhex(found[1].replace(" ", ""))
        return typed.decode("utf-8", "replace").rstrip("\x1b")

    def type(self, layout, keys):
        """What (evdev's code, down) type in that layout."""
        self.x.run("setxkbmap", "-model", "pc105", "-layout", layout, "-option", "")
        self.x.xdotool("windowfocus", "--sync", self.window)
        words = ["key", "Escape"]
        for code, down in reversed(keys):
            words[:0] = ["keydown" if down else "keyup", code + 8]
        self.x.xdotool(*words)
        wait(lambda: self._take() is not None, 10)
        return self.last

    def _take(self):
        self.last = self.text()
        return self.last

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.x.close()


def keys_of(machine):
    """What has arrived before Escape did, which is typed last."""
    def pressed():
        return [(event["code"], bool(event["down"])) for event in machine.seen("key")]

    wait(lambda: (ESCAPE, False) in pressed(), 10)
    return [key for key in pressed() if key[0] != ESCAPE]


def by_keysyms(check, reader, screen, relay, layout, text):
    viewer = LibVNCClient(screen, relay)
    try:
        screen.machine.forget()
        viewer.press([*keysyms(text), 0xff1b])
        typed = reader.type(layout, keys_of(screen.machine))
        check("layout %s: libvncclient's keysyms" % layout, typed == text, "%r" % typed)
    finally:
        viewer.close()


def by_places(check, reader, screen, relay, layout, theirs, expected):
    viewer = TigerVNC(screen, relay)
    try:
        viewer.x.run("setxkbmap", "-model", "pc105", "-layout", theirs)
        viewer.focus()
        screen.machine.forget()
        for place in (*PLACES, ESCAPE + 8):
            viewer.x.xdotool("key", place if place > 9 else "Escape")
        typed = reader.type(layout, keys_of(screen.machine))
        check("layout %s: TigerVNC's keys, from layout %s" % (layout, theirs), typed == expected,
              "%r" % typed)
    finally:
        viewer.close()


def try_layouts(check, program):
    reader = Reader()
    try:
        for layout, theirs, text, expected in LAYOUTS:
            with tempfile.TemporaryDirectory(prefix="lodge-layouts.") as folder:
                screen = Screen(program, folder, "--keyboard", layout)
                try:
                    relay = Relay(screen.vnc)
                    by_keysyms(check, reader, screen, relay, layout, text)
                    by_places(check, reader, screen, relay, layout, theirs, expected)
                finally:
                    screen.close()
    finally:
        reader.close()
