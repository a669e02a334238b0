#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""lodge-session in real desktops that run without a screen: what it reports, and what it makes of orders."""
import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from agent_side import Agent, Error

NOBODY = 65534
ROUNDED = 10  # thousandths: a compositor may choose a scale that gives whole units
SIZES = [(1440, 900), (1366, 768), (1023, 767), (1600, 1200), (640, 480)]

XORG_CONF = """
Section "Device"
	Identifier "dummy"
	Driver "dummy"
	VideoRam 256000
EndSection
Section "Monitor"
	Identifier "monitor"
	HorizSync 5-1000
	VertRefresh 5-200
EndSection
Section "Screen"
	Identifier "screen"
	Device "dummy"
	Monitor "monitor"
	DefaultDepth 24
	SubSection "Display"
		Depth 24
		Modes "1024x768"
		Virtual 8192 4096
	EndSubSection
EndSection
"""


def is_listening(path):
    """Not merely left behind."""
    with socket.socket(socket.AF_UNIX) as end:
        return end.connect_ex(path) == 0


class Desktop:
    """A desktop in a folder of its own. `backend` is what lodge-session shall find."""
    variables = {}
    exact = True  # any size can be set
    one_off = True  # a head can be turned off
    size = (1024, 768)
    primary = False
    root = False
    scales = (1250, 1500, 2000, 1000)
    pixels = False  # places count pixels, whatever the scale

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lodge-session-")
        # Compositors refuse to be root.
        self.user = {}
        if os.geteuid() == 0 and not self.root:
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self.folder, NOBODY, NOBODY)
        self.processes = []
        self.environment = {key: value for key, value in os.environ.items()
                            if key not in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")}
        self.environment.update(XDG_RUNTIME_DIR=self.folder, HOME=self.folder, XDG_CONFIG_HOME=self.folder,
                                LIBGL_ALWAYS_SOFTWARE="1")
        self.environment.update(self.variables)

    def run(self, *command):
        log = open(os.path.join(self.folder, os.path.basename(command[0]) + ".log"), "wb")
        process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, start_new_session=True, **self.user)
        self.processes.append(process)
        return process

    def wait_for(self, condition, what, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            if any(process.poll() is not None for process in self.processes):
                raise Error("%s: a program of the desktop has ended\n%s" % (what, self.logs()))
            if time.monotonic() > deadline:
                raise Error("%s: not there after %d s\n%s" % (what, seconds, self.logs()))
            time.sleep(0.05)

    def wait_for_wayland(self, name):
        self.environment["WAYLAND_DISPLAY"] = name
        path = os.path.join(self.folder, name)
        self.wait_for(lambda: is_listening(path), name)

    def start_bus(self):
        path = os.path.join(self.folder, "bus")
        self.run("dbus-daemon", "--session", "--nofork", "--address=unix:path=" + path)
        self.wait_for(lambda: os.path.exists(path), "the bus")
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=" + path

    def logs(self):
        text = ""
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(os.path.join(self.folder, name), errors="replace") as log:
                    text += "-- %s\n%s\n" % (name, "".join(log.readlines()[-15:]))
        return text

    def stop(self):
        for process in reversed(self.processes):
            try:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(5)
            except ProcessLookupError:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def another_head(self):
        """Plug in a second monitor. False if that cannot be done, or there is one."""
        return False

    def user_moves(self, first, second):
        """What a user does with the desktop's own tool: head 0, of size @first, to the right of head 1.
        False if there is no such tool."""
        return False

    def tool(self, *command):
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True,
                              **self.user).stdout


class Xorg(Desktop):
    backend = "randr"
    primary = pixels = True
    root = True

    def start(self):
        path = os.path.join(self.folder, "xorg.conf")
        with open(path, "w") as file:
            file.write(XORG_CONF)
        display = ":%d" % (90 + os.getpid() % 900)
        self.run("Xorg", display, "-config", path, "-noreset", "-nolisten", "tcp", "-seat", "seat-test",
                 "-logfile", os.path.join(self.folder, "server.log"))
        self.environment["DISPLAY"] = display
        self.wait_for(lambda: subprocess.run(["xrandr"], env=self.environment, capture_output=True,
                                             check=False).returncode == 0, "the X server")

    def another_head(self):
        self.tool("xrandr", "--addmode", "DUMMY1", "1024x768")
        self.tool("xrandr", "--output", "DUMMY1", "--mode", "1024x768", "--right-of", "DUMMY0")
        self.tool("xrandr")  # it looks now
        return True

    def picture_without_monitor(self):
        """A CRTC that shows something to nobody, as Xorg leaves behind what is unplugged. Its head."""
        self.tool("xrandr", "--addmode", "DUMMY2", "1024x768")
        self.tool("xrandr", "--output", "DUMMY2", "--mode", "1024x768", "--right-of", "DUMMY0")
        return 2

    def user_moves(self, first, second):
        self.tool("xrandr", "--output", "DUMMY1", "--pos", "0x0", "--output", "DUMMY0",
                  "--pos", "%dx0" % second[0])
        return True


class Sway(Desktop):
    backend = "wlr"
    one_off = False  # not those of wlroots' headless backend
    variables = {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1",
                 "XDG_CURRENT_DESKTOP": "sway"}

    def start(self):
        path = os.path.join(self.folder, "sway.conf")
        with open(path, "w") as file:
            file.write("output HEADLESS-1 resolution 1024x768\n")
        process = self.run("sway", "--config", path)
        self.wait_for_wayland("wayland-1")
        name = "sway-ipc.%d.%d.sock" % (self.user.get("user", os.geteuid()), process.pid)
        self.environment["SWAYSOCK"] = os.path.join(self.folder, name)
        self.wait_for(lambda: os.path.exists(self.environment["SWAYSOCK"]), "sway")

    def another_head(self):
        self.tool("swaymsg", "create_output")
        return True

    def user_moves(self, first, second):
        self.tool("swaymsg", "output HEADLESS-2 pos 0 0; output HEADLESS-1 pos %d 0" % second[0])
        return True


class Weston(Desktop):
    backend = "weston"
    exact = False

    def start(self):
        self.run("weston", "--backend=headless-backend.so", "--width=1024", "--height=768",
                 "--socket=wayland-w", "--idle-time=0")
        self.wait_for_wayland("wayland-w")


class Mutter(Desktop):
    backend = "mutter"
    exact = False  # a virtual monitor has one mode
    size = (1920, 1200)  # at scale 2 Mutter wants 800x480 at least
    scales = (2000, 1000)  # others are an experiment of its, as are places in other units
    pixels = True
    primary = True
    variables = {"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}

    def start(self):
        self.start_bus()
        self.run("mutter", "--wayland", "--headless", "--no-x11", "--wayland-display=wayland-m",
                 "--virtual-monitor", "1920x1200", "--virtual-monitor", "800x600")
        self.wait_for_wayland("wayland-m")

    def user_moves(self, first, second):
        call = ("gdbus", "call", "--session", "-d", "org.gnome.Mutter.DisplayConfig", "-o",
                "/org/gnome/Mutter/DisplayConfig", "-m")
        name = "org.gnome.Mutter.DisplayConfig."
        state = self.tool(*call, name + "GetCurrentState")
        serial = re.match(r"\(uint32 (\d+)", state)[1]
        modes = re.findall(r"\[\('(\d+x\d+@[\d.]+)'", state)
        self.tool(*call, name + "ApplyMonitorsConfig", serial, "1",
                  "[(%d, 0, 1.0, 0, true, [('Meta-0', '%s', @a{sv} {})]), "
                  "(0, 0, 1.0, 0, false, [('Meta-1', '%s', @a{sv} {})])]" % (second[0], *modes), "{}")
        return True


class Kwin(Desktop):
    backend = "kscreen"
    exact = False
    primary = True
    variables = {"XDG_CURRENT_DESKTOP": "KDE", "QT_QPA_PLATFORM_PLUGIN_PATH": ""}

    def start(self):
        del self.environment["QT_QPA_PLATFORM_PLUGIN_PATH"]
        self.start_bus()
        # A copy has no capabilities, which nobody may be without.
        program = shutil.copy(shutil.which("kwin_wayland"), self.folder)
        self.run(program, "--virtual", "--width", "1024", "--height", "768", "--output-count", "2",
                 "--no-lockscreen", "--socket", "wayland-k")
        self.wait_for_wayland("wayland-k")


DESKTOPS = {"xorg": Xorg, "sway": Sway, "weston": Weston, "mutter": Mutter, "kwin": Kwin}


class Session:
    """lodge-session in a desktop, attached."""

    def __init__(self, desktop, program):
        self.path = os.path.join(desktop.folder, "agent.sock")
        self.agent = Agent(self.path)
        os.chmod(self.path, 0o666)
        self.serial = 0
        self.begin(desktop, program)

    def begin(self, desktop, program, *more):
        self.process = desktop.run(program, *more, "--socket", self.path)
        self.attach(20)

    def attach(self, seconds):
        self.agent.accept(seconds)
        self.stream = self.agent.request("display.attach")
        self.layout = self.agent.wait_message("layout", seconds=20)

    def apply(self, heads, seconds=20):
        """(what it answered, the layout then, how long it took in ms)"""
        self.serial += 1
        started = time.monotonic()
        self.agent.message(self.stream, "apply", {"serial": self.serial, "heads": heads})
        # Layouts come before the answer; the last of them counts.
        while True:
            name, params = self.agent.next_message(seconds)
            if name == "layout":
                self.layout = params
            elif params["serial"] == self.serial:
                return params, self.layout, int((time.monotonic() - started) * 1000)


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, detail=""):
        if good:
            self.passed += 1
            print("ok    %s%s" % (name, " (%s)" % detail if detail else ""), flush=True)
        else:
            self.failed += 1
            print("FAIL  %s: %s" % (name, detail), flush=True)


def head(number, width, height, x=0, y=0, **more):
    return dict({"head": number, "enabled": True, "width": width, "height": height, "x": x, "y": y}, **more)


def size_of(layout, number=0):
    for item in layout["heads"]:
        if item["head"] == number and item.get("enabled"):
            return item["width"], item["height"]
    return None


def find(layout, number):
    return [item for item in layout["heads"] if item["head"] == number][0]


def try_sizes(name, desktop, session, checks):
    for width, height in SIZES:
        answer, layout, took = session.apply([head(0, width, height)])
        label = "%s: %dx%d" % (name, width, height)
        if name == "sway" and width % 8 and answer.get("number") == 11:
            checks.check(label + " asks for a replug", answer.get("text") == "replug", "an old wlroots")
        elif desktop.exact:
            checks.check(label, not answer.get("number") and size_of(layout) == (width, height),
                         "%d ms" % took if not answer.get("number") else "%s, %s" % (answer, layout))
        else:
            checks.check(label + " asks for a replug",
                         answer.get("number") == 11 and answer.get("text") == "replug", str(answer))


def try_bounds(name, desktop, session, checks):
    """X servers have a least and a largest picture, and memory for so much."""
    if desktop.backend != "randr":
        return
    before = size_of(session.layout)
    answer, layout, _ = session.apply([head(0, 64, 48)])
    checks.check(name + ": less than the least picture", not answer.get("number") and size_of(layout) == (64, 48),
                 "%s, %s" % (answer, layout))
    answer, layout, _ = session.apply([head(0, *before)])
    for size in ((16384, 16384), (16000, 12000)):
        answer, layout, _ = session.apply([head(0, *size)])
        checks.check("%s: %dx%d is refused, and all is as it was" % (name, *size),
                     answer.get("number") and size_of(layout) == before, "%s, %s" % (answer, layout))
        lit = self_said(desktop)
        checks.check(name + ": the server itself says so", "%dx%d+0+0" % before in lit, lit)


def self_said(desktop):
    return "".join(line for line in desktop.tool("xrandr", "--current").splitlines() if "+" in line and "DUMMY0" in line)


def try_two_heads(name, desktop, session, checks):
    first, second = size_of(session.layout), size_of(session.layout, 1)
    answer, layout, took = session.apply([head(0, *first, x=0), head(1, *second, x=first[0])])
    checks.check(name + ": two in a row", not answer.get("number") and find(layout, 1).get("x", 0) == first[0],
                 "%d ms, %s" % (took, answer))
    answer, layout, took = session.apply([head(0, *first, x=second[0]), head(1, *second, x=0)])
    checks.check(name + ": the other way round",
                 not answer.get("number") and find(layout, 0).get("x", 0) == second[0] and find(layout, 1).get("x", 0) == 0,
                 "%d ms, %s" % (took, answer))
    answer, layout, took = session.apply([head(0, *first, y=second[1]), head(1, *second)])
    checks.check(name + ": one above the other",
                 not answer.get("number") and find(layout, 0).get("y", 0) == second[1], "%d ms, %s" % (took, answer))
    if desktop.primary:
        answer, layout, took = session.apply([head(0, *first, x=0),
                                              head(1, *second, x=first[0], primary=True)])
        checks.check(name + ": the second is primary", not answer.get("number") and
                     find(layout, 1).get("primary") and not find(layout, 0).get("primary"), str(answer))
    if not desktop.one_off:
        return
    answer, layout, took = session.apply([head(0, *first), {"head": 1, "enabled": False}])
    checks.check(name + ": one off", not answer.get("number") and size_of(layout, 1) is None,
                 "%s, %s" % (answer, layout))
    answer, layout, took = session.apply([head(0, *first), head(1, *second, x=first[0])])
    checks.check(name + ": on again", not answer.get("number") and size_of(layout, 1) == second, str(answer))


def switches(process):
    with open("/proc/%d/status" % process.pid) as status:
        return int([line.split()[1] for line in status if line.startswith("voluntary_ctxt_switches")][0])


def quiet_seconds(process, seconds, tries=10):
    """Waits for so many without a wakeup. What has begun may take its time on a busy machine; what polls
    is never quiet."""
    for _ in range(tries):
        before = switches(process)
        time.sleep(seconds)
        if switches(process) == before:
            return True
    return False


def try_idle(name, session, checks):
    """Nothing is polled."""
    quiet = quiet_seconds(session.process, 3)
    with open("/proc/%d/smaps_rollup" % session.process.pid) as rollup:
        pss = [line.split()[1] for line in rollup if line.startswith("Pss:")][0]
    checks.check("%s: idle for 3 s" % name, quiet, "%s KiB" % pss)


def try_scales(name, desktop, session, checks):
    width, height = size_of(session.layout)
    for scale in desktop.scales:
        answer, layout, took = session.apply([head(0, width, height, scale_milli=scale)])
        checks.check("%s: scale %g" % (name, scale / 1000),
                     not answer.get("number") and not answer.get("text")
                     and abs(find(layout, 0).get("scale_milli") - scale) <= ROUNDED
                     and size_of(layout) == (width, height),
                     "%d ms, %s, %s" % (took, answer, layout))
    if len(desktop.scales) < 4:
        answer, layout, took = session.apply([head(0, width, height, scale_milli=1250)])
        checks.check(name + ": a scale that it has not", not answer.get("number") and answer.get("text")
                     and find(layout, 0).get("scale_milli") == 1000, "%s, %s" % (answer, layout))


def try_scaled_heads(name, desktop, session, checks):
    """Two heads side by side: the second begins where the first, in its own units, ends."""
    first, second = size_of(session.layout), size_of(session.layout, 1)
    scale = desktop.scales[0] if desktop.backend != "randr" else 1000
    width = first[0] if desktop.pixels else first[0] * 1000 // scale
    answer, layout, _ = session.apply([head(0, *first, scale_milli=scale),
                                       head(1, *second, x=width, scale_milli=1000)])
    checks.check("%s: the first of two at scale %g" % (name, scale / 1000),
                 not answer.get("number") and find(layout, 0).get("scale_milli") == scale
                 and find(layout, 1).get("scale_milli") == 1000 and find(layout, 1).get("x") == width
                 and find(layout, 0).get("x", 0) == 0, "%s, %s" % (answer, layout))
    answer, layout, _ = session.apply([head(0, *first, scale_milli=1000),
                                       head(1, *second, x=first[0], scale_milli=1000)])
    checks.check(name + ": both at scale 1 again", not answer.get("number") and not answer.get("text"),
                 "%s, %s" % (answer, layout))


def try_monitor_gone(name, desktop, session, checks):
    if desktop.backend != "randr":
        return
    number = desktop.picture_without_monitor()
    try:
        session.agent.wait_message("layout", lambda layout: size_of(layout, number), 20)
        layout = session.agent.wait_message("layout", lambda layout: not size_of(layout, number), 20)
        checks.check(name + ": a picture without a monitor is put out", size_of(layout) is not None, str(layout))
        session.layout = layout
    except Error as error:
        checks.check(name + ": a picture without a monitor is put out", False, str(error))


def try_user(name, desktop, session, checks):
    """What a user changes is told."""
    first, second = size_of(session.layout), size_of(session.layout, 1)
    if not desktop.user_moves(first, second):
        return
    try:
        session.layout = session.agent.wait_message("layout", lambda layout: find(layout, 1).get("x", 0) == 0
                                                    and find(layout, 0).get("x", 0) == second[0], 20)
        checks.check(name + ": the user's own change is told", True)
    except Error as error:
        checks.check(name + ": the user's own change is told", False, str(error))


def try_lives(name, desktop, session, program, checks):
    """The agent ends and comes back; then lodge-session is killed; then the compositor."""
    session.agent.hang_up()
    session.attach(60)
    checks.check(name + ": it finds an agent that comes back", size_of(session.layout) is not None)
    session.process.kill()
    session.process.wait()
    desktop.processes.remove(session.process)
    session.agent.hang_up()
    session.begin(desktop, program)
    checks.check(name + ": one that was killed is followed by another", size_of(session.layout) is not None)
    for process in desktop.processes[:-1]:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    code = session.process.wait(20)
    checks.check(name + ": it ends with a desktop that is killed", code == 0, str(code))
    desktop.processes.clear()
    session.agent.hang_up()
    desktop.start()
    # As systemd's unit starts it: it is told nothing, and the last compositor's socket is still there.
    del desktop.environment["WAYLAND_DISPLAY"]
    session.begin(desktop, program, "--wait")
    checks.check(name + ": the next desktop is found", session.layout.get("backend") == desktop.backend
                 and size_of(session.layout) == desktop.size, str(session.layout))


def try_desktop(name, program, checks):
    desktop = DESKTOPS[name]()
    try:
        desktop.start()
        session = Session(desktop, program)
        layout = session.layout
        checks.check("%s: found" % name, layout.get("backend") == desktop.backend and
                     size_of(layout) == desktop.size, str(layout))
        try_idle(name, session, checks)
        answer = session.apply([head(9, 800, 600)])[0]
        checks.check(name + ": a head that is not there", answer.get("number") == 19, str(answer))
        answer = session.apply([{"head": item["head"], "enabled": False} for item in layout["heads"]])[0]
        checks.check(name + ": nobody turns all off", answer.get("number") in (11, 22), str(answer))
        try_sizes(name, desktop, session, checks)
        try_bounds(name, desktop, session, checks)
        if desktop.another_head():
            session.layout = session.agent.wait_message("layout", lambda params: size_of(params, 1))
        if desktop.backend != "weston":
            try_scales(name, desktop, session, checks)
        if len(session.layout["heads"]) > 1 and size_of(session.layout, 1):
            try_two_heads(name, desktop, session, checks)
            try_scaled_heads(name, desktop, session, checks)
            try_user(name, desktop, session, checks)
            try_monitor_gone(name, desktop, session, checks)
        if desktop.backend == "wlr":
            try_lives(name, desktop, session, program, checks)
        kind, _ = session.agent.cancel(session.stream)
        checks.check(name + ": a cancel ends it", kind == 3)
        for process in desktop.processes[:-1]:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            code = session.process.wait(10)
        except subprocess.TimeoutExpired:
            code = "still there"
        checks.check(name + ": it ends with the desktop", code == 0, str(code))
        session.agent.close()
    except Error as error:
        checks.check(name, False, "%s\n%s" % (error, desktop.logs()))
    finally:
        desktop.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="lodge-session")
    parser.add_argument("desktop", nargs="*", help="of %s; default: all" % ", ".join(DESKTOPS))
    options = parser.parse_args()
    checks = Checks()
    for name in options.desktop or DESKTOPS:
        try_desktop(name, options.program, checks)
    print("%d passed, %d failed" % (checks.passed, checks.failed))
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
