#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a viewer waits: from a key to the changed pixels, from a wish for a size to that size.

usage: latency.py native PROGRAM     lodge-screen, of the stand-in for a machine (no guest)
       latency.py guest              as the COMMAND of tests/rig/desktop/run console: the same guest by
                                     QEMU's own VNC server and by lodge-screen's, in turns

Prints one JSON object: milliseconds, medians and the worst of ten.
"""
import json
import os
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RIGS = os.path.join(HERE, "..", "..", "rig")
sys.path[:0] = [os.path.join(RIGS, "screen"), os.path.join(RIGS, "desktop")]

from guest import ScreenGuest  # noqa: E402
from picture import Error  # noqa: E402
from rfb import Rfb  # noqa: E402
from screens import Screen  # noqa: E402

KEYS, SIZES = 60, 20


def until(viewer, kind, seconds=10.0):
    """Reads until such a thing has come; when."""
    for when, kinds in viewer.events(seconds):
        if kind in kinds:
            return when
        viewer.request()
    raise Error("no %s within %g s" % (kind, seconds))


def key(viewer):
    viewer.drain(0.15)
    started = time.monotonic()
    viewer.key(0x61, True)
    viewer.key(0x61, False)
    return (until(viewer, "pixels") - started) * 1000


def resize(viewer, size):
    viewer.drain(0.15)
    started = time.monotonic()
    viewer.set_desktop_size(*size)
    while (viewer.width, viewer.height) != size:
        viewer.request()
        until(viewer, "size")
    sized = time.monotonic()
    viewer.request(incremental=False)
    until(viewer, "pixels")
    return (sized - started) * 1000, (time.monotonic() - started) * 1000


def sizes():
    return [(900 + step * 19, 700 + step * 13) for step in range(SIZES)]


def figures(values):
    return {"median_ms": round(statistics.median(values), 2),
            "ninth_of_ten_ms": round(statistics.quantiles(values, n=10)[-1], 2), "count": len(values)}


def of(keys, resizes):
    return {"key_to_pixels": figures(keys),
            "wish_to_size": figures([one for one, _ in resizes]),
            "wish_to_picture": figures([one for _, one in resizes])}


def native(program):
    with tempfile.TemporaryDirectory(prefix="lodge-bench.") as folder:
        screen = Screen(program, folder)
        try:
            viewer = Rfb(screen.vnc)
            return {"lodge-screen, no guest": of([key(viewer) for _ in range(KEYS)],
                                                 [resize(viewer, size) for size in sizes()])}
        finally:
            screen.close()


def in_guest():
    guest = ScreenGuest(os.environ["RIG"])
    guest.boot(240)
    time.sleep(5)
    # What is typed is all that changes.
    guest.run("printf '\\033[?25l' >/dev/tty1; echo 0 >/sys/class/graphics/fbcon/cursor_blink")
    viewers = {"QEMU's VNC server": guest._viewer(0), "lodge-screen": Rfb(guest.vnc)}
    keys = {name: [] for name in viewers}
    resizes = {name: [] for name in viewers}
    for _ in range(KEYS // 2):
        for name, viewer in viewers.items():
            keys[name].append(key(viewer))
    for size in sizes()[:10]:
        for turn, (name, viewer) in enumerate(viewers.items()):
            resizes[name].append(resize(viewer, (size[0] + 8 * turn, size[1])))
    return {name: of(keys[name], resizes[name]) for name in viewers}


def main():
    if sys.argv[1:2] == ["native"] and len(sys.argv) == 3:
        result = native(sys.argv[2])
    elif sys.argv[1:] == ["guest"]:
        result = in_guest()
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
