# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the commands of lodge make of a domain with a SPICE display alone, and virt-viewer in front of it.
Run by tests/e2e/display/spice-domain.

usage: spice_domain.py VM
"""
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RIGS = os.path.join(HERE, "..", "..", "rig")
sys.path[:0] = [os.path.join(RIGS, "screen"), os.path.join(RIGS, "desktop")]

from inside import layout, pointer  # noqa: E402
from picture import read_png  # noqa: E402
from xvfb import Xvfb  # noqa: E402

PATIENCE = 90


def check(name, holds, seen=""):
    print("ok    " + name if holds else "FAIL  %s: %s" % (name, seen), flush=True)
    return holds


def wait(name, look, wanted, seconds=PATIENCE):
    """Until look() gives what is wanted."""
    deadline = time.monotonic() + seconds
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.3)
    return check(name, seen == wanted, "%r, not %r" % (seen, wanted))


class Domain:
    def __init__(self, name):
        self.name = name

    def lodge(self, *words, seconds=60):
        return subprocess.run(("lodge",) + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, check=False)

    def run(self, command):
        done = self.lodge("exec", self.name, "--", "sh", "-c", command)
        return done.stdout.decode("utf-8", "replace").strip("\n")

    def display(self):
        done = self.lodge("display", "--json", self.name)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def size(self):
        """As the desktop itself has it."""
        return layout("xorg", self).get(0, (0, 0, 0, 0))[2:4]

    def picture_size(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "picture.png")
            if self.lodge("screen", self.name, path).returncode:
                return None
            with open(path, "rb") as file:
                picture = read_png(file.read())
        return picture.width, picture.height


def sizes(domain):
    wait("its session is attached", lambda: domain.display().get("session"), "x11", 240)
    for width, height in ((1440, 900), (1023, 767)):
        size = "%dx%d" % (width, height)
        done = domain.lodge("display", domain.name, size)
        check("display %s" % size, done.returncode == 0, done.stdout)
        wait("the desktop is %s" % size, domain.size, (width, height))
        wait("and so is its picture", domain.picture_size, (width, height))
    head = domain.display().get("heads", [{}])[0]
    check("display tells of it", (head.get("width"), head.get("height"), head.get("followed")) ==
          (1023, 767, "session"), head)


def drag(domain, display, window):
    for width, height in ((1200, 900), (900, 700)):
        display.xdotool("windowsize", "--sync", window, width, height)
        deadline = time.monotonic() + PATIENCE
        while True:
            # The window has a frame and a bar around the picture.
            size = domain.size()
            near = width - 40 <= size[0] <= width and height - 120 <= size[1] <= height
            if near or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        check("virt-viewer's window of %dx%d is followed" % (width, height), near, size)


def viewer(domain):
    """As `lodge view` opens it."""
    display = Xvfb(1920, 1200)
    with tempfile.TemporaryFile() as log:
        process = display.start("dbus-run-session", "lodge", "view", domain.name, log=log)
        try:
            window = display.window("^" + domain.name + " \\(1\\)", 120)
            check("view opens virt-viewer", True)
            drag(domain, display, window)
            x, y, width, height = display.place(window)
            display.xdotool("mousemove", x + width // 2, y + height // 2)
            display.xdotool("click", 1)
            before = pointer(domain)
            display.xdotool("mousemove", x + width // 2 + 100, y + height // 2 + 50)
            wait("its pointer is the guest's", lambda: pointer(domain),
                 (before[0] + 100, before[1] + 50))
        except Exception as error:
            log.seek(0)
            check("virt-viewer goes on", False, "%s: %s" % (error, log.read()))
        finally:
            # Whose window goes, ends.
            display.close()
            try:
                check("view ends with its window", process.wait(timeout=30) is not None)
            except subprocess.TimeoutExpired:
                check("view ends with its window", False)
                process.kill()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    domain = Domain(sys.argv[1])
    for part in (sizes, viewer):
        part(domain)


main()
