#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SPICE's own agent in a guest, met by lodge-screen.

usage: vdagent.py     as the COMMAND of tests/rig/desktop/run --spice-port --stock xorg-spice
"""
import hashlib
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RIGS = os.path.join(HERE, "..", "..", "rig")
sys.path[:0] = [os.path.join(RIGS, "screen"), os.path.join(RIGS, "desktop")]

from guest import StockGuest  # noqa: E402
from inside import AS_USER, layout  # noqa: E402
from picture import Error  # noqa: E402
from protocol import Refused  # noqa: E402

PATIENCE = 90
TEXT = "gr\u00fc\u00dfe\nzwei \U0001f40c"
PASTE = AS_USER + "timeout 20 xclip -o -selection clipboard"
DOWNLOADS = "/home/user/Downloads/"
passed = failed = 0


def check(name, look, wanted, seconds=PATIENCE):
    """Until look() gives what is wanted."""
    global passed, failed
    deadline = time.monotonic() + seconds
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.3)
    if seen == wanted:
        passed += 1
        print("ok    " + name, flush=True)
    else:
        failed += 1
        print("FAIL  %s: %r, not %r" % (name, seen, wanted), flush=True)


def screens(guest):
    def heads():
        return {head: one[:4] for head, one in layout("xorg", guest).items()}

    check("lodge-screen knows who is there", lambda: guest.control.info().get("desktop"),
          "spice-vdagent", 240)
    # It rounds widths to eights.
    for width, height in ((1440, 900), (1024, 767), (1280, 800)):
        guest.request(0, width, height)
        check("%dx%d is followed" % (width, height), heads, {0: (0, 0, width, height)})
    guest.request(1, 800, 600)
    check("a second head", heads, {0: (0, 0, 1280, 800), 1: (1280, 0, 800, 600)})
    guest.off(1)
    check("and out again", heads, {0: (0, 0, 1280, 800)})


def clipboard_set(guest, data, kind=""):
    stream = guest.control.open("screen.clipboard-set", {"selection": "clipboard", "type": kind})
    stream.write(data)
    stream.wait(PATIENCE)


def clipboard_get(guest, kind=""):
    try:
        return guest.control.open("screen.clipboard-get", {"selection": "clipboard",
                                                           "type": kind}).wait(PATIENCE)[1]
    except Refused as error:
        return str(error)


def clipboards(guest):
    guest.control.open("screen.policy", {"to_guest": "all", "to_host": "all"}).wait(PATIENCE)
    clipboard_set(guest, TEXT.encode())
    check("text is pasted in the guest", lambda: guest.run(PASTE), TEXT)
    picture = os.urandom(1 << 20)
    clipboard_set(guest, picture, "image/png")
    check("so is a picture of a megabyte",
          lambda: guest.run(PASTE + " -t image/png | md5sum | cut -c-32"),
          hashlib.md5(picture).hexdigest())
    guest.run("printf '%%s' '%s' >/tmp/text; %s xclip -i -selection clipboard /tmp/text "
              ">/dev/null 2>&1" % (TEXT, AS_USER))
    check("text of the guest is pasted here", lambda: clipboard_get(guest), TEXT.encode())
    guest.run("head -c 3000000 /dev/urandom >/tmp/picture; %s xclip -i -selection clipboard -t image/png "
              "/tmp/picture >/dev/null 2>&1" % AS_USER)
    digest = guest.run("md5sum </tmp/picture | cut -c-32")

    def pasted():
        data = clipboard_get(guest, "image/png")
        return hashlib.md5(data).hexdigest() if isinstance(data, bytes) else data

    check("and a picture of three", pasted, digest)


def send(guest, name, data):
    stream = guest.control.open("screen.send-file", {"name": name, "size_bytes": len(data)})
    if stream.messages.get(timeout=PATIENCE)[1] != "ready":
        raise Error("the guest is not ready for " + name)
    stream.write(data)
    return stream.wait(PATIENCE)


def files(guest):
    data = os.urandom(3000001)
    send(guest, "b\u00e4r.tar.gz", data)
    check("a file has come", lambda: guest.run("md5sum <'%sb\u00e4r.tar.gz' | cut -c-32" % DOWNLOADS),
          hashlib.md5(data).hexdigest())
    send(guest, "empty", b"")
    check("an empty one, too", lambda: guest.run("stat -c %%s %sempty" % DOWNLOADS), "0")


def main():
    guest = StockGuest(os.environ["RIG"])
    guest.boot(240)
    for part in (screens, clipboards, files):
        part(guest)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
