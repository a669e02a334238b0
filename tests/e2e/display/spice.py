# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a user of virt-viewer sees of a guest with our agent. Run by tests/e2e/display/spice.

usage: spice.py DESKTOP     as the COMMAND of tests/rig/desktop/run --spice DESKTOP
"""
import hashlib
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RIGS = os.path.join(HERE, "..", "..", "rig")
sys.path[:0] = [os.path.join(RIGS, "screen"), os.path.join(RIGS, "desktop")]

from guest import RigGuest  # noqa: E402
from inside import AS_USER, layout, pointer  # noqa: E402
from spice import (CAP_AUDIO_VOLUME_SYNC, CAP_MOUSE_STATE, MOUSE_CLIENT, PNG, PRIMARY,  # noqa: E402
                   SpiceClient)
from xvfb import Xvfb  # noqa: E402

PATIENCE = 90
TEXT = "gr\u00fc\u00dfe\nzwei \U0001f40c"
PASTE = AS_USER + "timeout 20 xclip -o -selection "
DOWNLOADS = "/home/user/Downloads/"


class Checks:
    passed = failed = 0

    def check(self, name, holds, seen=""):
        if holds:
            self.passed += 1
            print("ok    " + name, flush=True)
        else:
            self.failed += 1
            print("FAIL  %s: %s" % (name, seen), flush=True)

    def wait(self, name, look, wanted, seconds=PATIENCE):
        """Until look() gives what is wanted."""
        deadline = time.monotonic() + seconds
        while (seen := look()) != wanted and time.monotonic() < deadline:
            time.sleep(0.2)
        self.check(name, seen == wanted, "%r, not %r" % (seen, wanted))


class Spice:
    def __init__(self, desktop, folder):
        self.desktop, self.folder = desktop, folder
        self.path = os.path.join(folder, "spice.sock")
        self.guest = RigGuest(folder)
        self.checks = Checks()

    def heads(self):
        """Sizes and places of the screens, as the desktop itself says."""
        return {head: one[:4] for head, one in layout(self.desktop, self.guest).items()}

    def begin(self):
        self.guest.boot(240)
        self.checks.wait("a session has the screen",
                         lambda: self.guest.run("pgrep lodge-session >/dev/null && echo yes"), "yes", 240)
        self.client = SpiceClient(self.path)
        self.checks.check("the agent is there for the client",
                          self.client.wait(lambda: self.client.knows(CAP_MOUSE_STATE), PATIENCE))

    def sizes(self):
        for width, height in ((1440, 900), (1023, 767), (1280, 800)):
            self.client.monitors((0, 0, width, height))
            self.checks.wait("%dx%d is followed" % (width, height), self.heads,
                             {0: (0, 0, width, height)})
        self.client.monitors((0, 0, 1280, 800), (1280, 0, 800, 600))
        self.checks.wait("a second window is a second screen", self.heads,
                         {0: (0, 0, 1280, 800), 1: (1280, 0, 800, 600)})
        self.checks.wait("the client shows it", lambda: self.client.sizes.get(1), (800, 600))
        self.mouse(1, 10, 20, (1290, 20))
        self.client.monitors((0, 0, 1280, 800))
        self.checks.wait("and goes again", self.heads, {0: (0, 0, 1280, 800)})

    def mouse(self, screen, x, y, there):
        self.client.point(x, y, screen)
        self.checks.wait("the pointer goes to %d,%d of screen %d" % (x, y, screen),
                         lambda: pointer(self.guest), there)

    def mice(self):
        self.checks.wait("the mouse is the client's", lambda: self.client.mouse_mode, MOUSE_CLIENT)
        for x, y in ((100, 200), (1279, 799), (0, 0)):
            self.mouse(0, x, y, (x, y))
        self.checks.check("sounds are not ours to set",
                          not self.client.knows(CAP_AUDIO_VOLUME_SYNC))

    def copy_here(self):
        data = TEXT.encode()
        self.client.copy(data)
        self.checks.wait("text is pasted there", lambda: self.guest.run(PASTE + "clipboard"), TEXT)
        self.client.copy(b"of primary", selection=PRIMARY)
        self.checks.wait("so is PRIMARY", lambda: self.guest.run(PASTE + "primary"), "of primary")
        picture = os.urandom(1 << 20)
        self.client.copy(picture, PNG)
        self.checks.wait("and a picture of a megabyte",
                         lambda: self.guest.run(PASTE + "clipboard -t image/png | md5sum | cut -c-32"),
                         hashlib.md5(picture).hexdigest())

    def copy_there(self):
        self.client.grabs.clear()
        self.guest.run("printf '%%s' '%s' >/tmp/text; %s xclip -i -selection clipboard /tmp/text "
                       ">/dev/null 2>&1" % (TEXT, AS_USER))
        self.checks.check("the client hears of a copy",
                          self.client.wait(lambda: 0 in self.client.grabs, PATIENCE))
        self.checks.wait("text is pasted here", self.client.paste, TEXT.encode())

    def files(self):
        with tempfile.TemporaryDirectory() as folder:
            sizes = {"empty": 0, "b\u00e4r.tar.gz": 3000001, "a b.txt": 1}
            for name, size in sizes.items():
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(os.urandom(size))
            paths = [os.path.join(folder, name) for name in sizes]
            self.checks.check("files are dropped", self.client.send(paths) is None)
            for path in paths:
                with open(path, "rb") as file:
                    digest = hashlib.md5(file.read()).hexdigest()
                name = os.path.basename(path)
                self.checks.wait("%s has come" % name, lambda one=name: self.guest.run(
                    "md5sum <'%s%s' | cut -c-32" % (DOWNLOADS, one)), digest)
            self.checks.check("one again", self.client.send(paths[2:]) is None)
            self.checks.wait("nothing is replaced, nothing else is left",
                             lambda: self.guest.run("ls -A1 --quoting-style=literal %s | cat" % DOWNLOADS),
                             "a b (1).txt\na b.txt\nb\u00e4r.tar.gz\nempty")

    def viewer(self):
        """virt-viewer's own window."""
        self.client.close()
        display = Xvfb(1920, 1200)
        log = open(os.path.join(self.folder, "viewer.log"), "wb")
        process = display.start("dbus-run-session", "remote-viewer", "spice+unix://" + self.path, log=log)
        try:
            self.drag(display, display.window("^lodge-desktop \\(1\\)", 120))
        finally:
            process.terminate()
            process.wait()
            display.close()

    def drag(self, display, window):
        for width, height in ((1200, 900), (900, 700)):
            display.xdotool("windowsize", "--sync", window, width, height)
            deadline = time.monotonic() + PATIENCE
            while True:
                # The window has a frame and a bar around the picture.
                _, _, *size = self.heads().get(0, (0, 0, 0, 0))
                near = width - 40 <= size[0] <= width and height - 120 <= size[1] <= height
                if near or time.monotonic() > deadline:
                    break
                time.sleep(0.3)
            self.checks.check("virt-viewer's window of %dx%d is followed" % (width, height), near, size)
        x, y, width, height = display.place(window)
        display.xdotool("mousemove", x + width // 2, y + height // 2)
        display.xdotool("click", 1)
        before = pointer(self.guest)
        display.xdotool("mousemove", x + width // 2 + 100, y + height // 2 + 50)
        self.checks.wait("its pointer is the guest's", lambda: pointer(self.guest),
                         (before[0] + 100, before[1] + 50))
        display.run("sh", "-c", "printf 'of the host' | xclip -i -selection clipboard >/dev/null 2>&1")
        self.checks.wait("what is copied beside it is pasted in the guest",
                         lambda: self.guest.run(PASTE + "clipboard"), "of the host")
        self.guest.run("printf 'of the guest' >/tmp/text; %s xclip -i -selection clipboard /tmp/text "
                       ">/dev/null 2>&1" % AS_USER)
        self.checks.wait("and the other way", lambda: display.run("timeout", "10", "xclip", "-o",
                                                                  "-selection", "clipboard"),
                         "of the guest")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    spice = Spice(sys.argv[1], os.environ["RIG"])
    spice.begin()
    for part in (spice.sizes, spice.mice, spice.copy_here, spice.copy_there, spice.files, spice.viewer):
        part()
    print("%d passed, %d failed" % (spice.checks.passed, spice.checks.failed))
    sys.exit(1 if spice.checks.failed else 0)


main()
