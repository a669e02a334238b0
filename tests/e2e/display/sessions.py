#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""lodge-session in real desktops that run without a screen: what it reports, and what it makes of orders."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from agent_side import Agent, Error

NOBODY = 65534
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


class Desktop:
    """A desktop in a folder of its own. `backend` is what lodge-session shall find."""
    variables = {}
    exact = True  # any size can be set
    one_off = True  # a head can be turned off
    size = (1024, 768)
    primary = False
    root = False

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
        self.wait_for(lambda: os.path.exists(path), name)

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


class Xorg(Desktop):
    backend = "randr"
    primary = True
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


class Sway(Desktop):
    backend = "wlr"
    one_off = False  # not those of wlroots' headless backend
    variables = {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1",
                 "XDG_CURRENT_DESKTOP": "sway"}

    def start(self):
        path = os.path.join(self.folder, "sway.conf")
        with open(path, "w") as file:
            file.write("output HEADLESS-1 resolution 1024x768\n")
        self.run("sway", "--config", path)
        self.wait_for_wayland("wayland-1")
        self.wait_for(lambda: any(name.startswith("sway-ipc") for name in os.listdir(self.folder)), "sway")

    def another_head(self):
        name = [name for name in os.listdir(self.folder) if name.startswith("sway-ipc")][0]
        self.environment["SWAYSOCK"] = os.path.join(self.folder, name)
        subprocess.run(["swaymsg", "create_output"], env=self.environment, check=True, capture_output=True,
                       **self.user)
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
    primary = True
    variables = {"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}

    def start(self):
        self.start_bus()
        self.run("mutter", "--wayland", "--headless", "--no-x11", "--wayland-display=wayland-m",
                 "--virtual-monitor", "1920x1200", "--virtual-monitor", "800x600")
        self.wait_for_wayland("wayland-m")


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
        path = os.path.join(desktop.folder, "agent.sock")
        self.agent = Agent(path)
        os.chmod(path, 0o666)
        self.process = desktop.run(program, "--socket", path)
        self.agent.accept(10)
        self.stream = self.agent.request("display.attach")
        self.layout = self.agent.wait_message("layout")
        self.serial = 0

    def apply(self, heads, seconds=6):
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


def try_idle(name, session, checks):
    """Nothing is polled."""
    time.sleep(1)
    before = switches(session.process)
    time.sleep(3)
    woken = switches(session.process) - before
    with open("/proc/%d/smaps_rollup" % session.process.pid) as rollup:
        pss = [line.split()[1] for line in rollup if line.startswith("Pss:")][0]
    checks.check("%s: idle for 3 s" % name, woken == 0, "woken %d times, %s KiB" % (woken, pss))


def try_scale(name, session, checks):
    width, height = size_of(session.layout)
    for scale in (2000, 1000):
        answer, layout, took = session.apply([head(0, width, height, scale_milli=scale)])
        checks.check("%s: scale %d" % (name, scale // 1000),
                     not answer.get("number") and find(layout, 0).get("scale_milli") == scale,
                     "%d ms, %s" % (took, answer))


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
        if desktop.another_head():
            session.layout = session.agent.wait_message("layout", lambda params: size_of(params, 1))
        if desktop.backend != "weston":
            try_scale(name, session, checks)
        if len(session.layout["heads"]) > 1 and size_of(session.layout, 1):
            try_two_heads(name, desktop, session, checks)
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
