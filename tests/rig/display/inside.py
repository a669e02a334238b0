#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests/rig/display/run does inside of the KVM host; a line "ok NAME" or "not ok NAME: WHY"."""

import os
import signal
import subprocess
import sys
import time

import channel as lodge
sys.path.insert(0, "/root/screen")
import rfb  # noqa: E402

RESULT = "/root/result"
SERIAL = RESULT + "/serial"
SOCKET = "/root/display.sock"
VIEWERS = "/root/vnc.sock"
BOOT_SECONDS = 600
SECONDS = 60
KEY_CAPSLOCK, LED_CAPSL = 58, 1

failed = []


def check(name, condition, why=""):
    print("ok " + name if condition else "not ok %s: %s" % (name, why), flush=True)
    if not condition:
        failed.append(name)
    return condition


def said(text):
    with open(SERIAL, errors="replace") as file:
        return [line.strip() for line in file if line.startswith(text)]


def wait_said(screen, text, count=1, seconds=SECONDS):
    screen.wait(lambda: len(said(text)) >= count, seconds)
    return said(text)


def monitor_becomes(screen, what):
    def is_so():
        lines = said("monitor:")
        return lines and lines[-1] == "monitor: " + what

    return screen.wait(is_so, SECONDS)


def lit_pixels(picture):
    return sum(1 for row in picture.rows for value in row[1::3] if value > 100)


def settle(screen, head=0, seconds=SECONDS):
    """The picture, when it has not changed for a while."""
    last, end = None, time.monotonic() + seconds
    while time.monotonic() < end:
        picture = screen.picture(head)
        if picture and last and picture.rows == last.rows:
            return picture
        last = picture
        screen.wait(lambda: False, 2)
    return last


def boots(screen):
    if not check("boots", wait_said(screen, "ready", 1, BOOT_SECONDS), "the guest is not ready"):
        return False
    check("driver", screen.has_driver(), "none")
    check("size", screen.size(0) == (1280, 800), screen.size(0))
    check("mode", monitor_becomes(screen, "connected 1280x800 edid 128"), said("monitor:"))
    check("heads", said("heads: 3"), said("heads:"))
    check("input", len(said('input: "Lodge')) == 3, said("input:"))
    return True


def console_appears(screen):
    picture = settle(screen)
    picture.write(RESULT + "/console.ppm")
    check("text", lit_pixels(picture) > 1000, "%d pixels are lit" % lit_pixels(picture))
    screen.type("clear\n")
    cleared = settle(screen)
    check("keys-arrive", lit_pixels(cleared) < lit_pixels(picture) / 2, lit_pixels(cleared))
    screen.type("cat /proc/bus/input/devices\n")
    listed = settle(screen)
    listed.write(RESULT + "/typed.ppm")
    check("shell", lit_pixels(listed) > 3 * lit_pixels(cleared), lit_pixels(listed))


def lights(screen):
    screen.key(KEY_CAPSLOCK, 1)
    screen.key(KEY_CAPSLOCK, 0)
    check("light-on", screen.wait(lambda: screen.leds >> LED_CAPSL & 1, SECONDS), screen.leds)
    screen.key(KEY_CAPSLOCK, 1)
    screen.key(KEY_CAPSLOCK, 0)
    check("light-off", screen.wait(lambda: not screen.leds >> LED_CAPSL & 1, SECONDS), screen.leds)


def sizes_change(screen):
    for width, height in (1024, 768), (1278, 701), (4096, 2160):
        size = "%dx%d" % (width, height)
        blocks = 256 if width > 4095 else 128
        before, begun = len(said("uevent:")), time.monotonic()
        screen.mode(0, width, height)
        lines = wait_said(screen, "uevent:", before + 1)
        check("uevent-" + size, lines[before:before + 1] == ["uevent: HOTPLUG=1"], lines[before:])
        print("# %s: uevent after %.1f s" % (size, time.monotonic() - begun))
        check("mode-" + size, monitor_becomes(screen, "connected %s edid %d" % (size, blocks)),
              said("monitor:")[-1:])
        # The text console keeps the frame buffer that it booted with: it cannot become larger.
        if width <= 1280:
            check("scanout-" + size,
                  screen.wait(lambda: screen.size(0) == (width, height), SECONDS), screen.size(0))
            print("# %s: scanout after %.1f s" % (size, time.monotonic() - begun))
    screen.mode(0, 1024, 768)
    check("scanout-follows", screen.wait(lambda: screen.size(0) == (1024, 768), SECONDS),
          screen.size(0))
    settle(screen).write(RESULT + "/smaller.ppm")


def unplug(screen):
    screen.mode(0, 0, 0, enabled=0)
    check("unplugged", monitor_becomes(screen, "disconnected  edid 0"), said("monitor:")[-1:])
    screen.mode(0, 1024, 768)
    check("plugged-in", monitor_becomes(screen, "connected 1024x768 edid 128"),
          said("monitor:")[-1:])
    check("scanout-again", screen.wait(lambda: screen.size(0) == (1024, 768), SECONDS),
          screen.size(0))


def until(viewer, kind):
    """Asks for updates until one has that; whatever else comes uses a request up."""
    for _, kinds in viewer.events(SECONDS):
        if kind in kinds:
            return
        viewer.request()


def follow_viewer():
    """lodge-screen in between: a VNC viewer's window has another size, and the console follows."""
    screen = subprocess.Popen(["lodge-screen", "--vmm", SOCKET, "--vnc", VIEWERS])
    while not os.path.exists(VIEWERS) and screen.poll() is None:
        time.sleep(0.1)
    viewer = rfb.Rfb(VIEWERS, timeout=SECONDS)
    viewer.request(incremental=False)
    until(viewer, "pixels")
    viewer.drain()
    check("viewer-size", (viewer.width, viewer.height) == (1024, 768),
          "%dx%d" % (viewer.width, viewer.height))
    lit = sum(1 for value in viewer.pixels[1::4] if value > 100)
    check("viewer-sees-text", lit > 1000, "%d pixels are lit" % lit)
    begun = time.monotonic()
    viewer.set_desktop_size(1199, 703)
    viewer.request()
    until(viewer, "size")
    print("# viewer: %dx%d after %.2f s" % (viewer.width, viewer.height,
                                            time.monotonic() - begun))
    check("viewer-is-followed", (viewer.width, viewer.height) == (1199, 703),
          "%dx%d" % (viewer.width, viewer.height))
    viewer.drain()
    with open(RESULT + "/viewer.ppm", "wb") as file:
        rgb = bytearray(3 * viewer.width * viewer.height)
        for channel in range(3):
            rgb[channel::3] = viewer.pixels[2 - channel::4]
        file.write(b"P6\n%d %d\n255\n" % (viewer.width, viewer.height) + rgb)
    viewer.close()
    return screen


def wakeups(pid):
    """How often the VMM's main thread ran, which serves the channel: while nobody looks, never."""
    def switches():
        with open("/proc/%d/status" % pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith("voluntary"))

    time.sleep(3)
    before = switches()
    time.sleep(10)
    check("nobody-looks-nothing-wakes", switches() - before <= 1, switches() - before)


def main():
    os.mkdir(RESULT)
    vmm = subprocess.Popen(
        ["lodge-vmm", "--memory", "320M", "--kernel", "/root/vmlinuz", "--initrd",
         "/root/initrd.img", "--append", "console=ttyS0 console=tty0 panic=-1",
         "--display", "socket=%s,heads=3" % SOCKET],
        stdin=subprocess.DEVNULL, stdout=open(SERIAL, "wb"))
    viewers = None
    screen = lodge.Channel(SOCKET, SECONDS)
    check("no-driver-at-first", not screen.has_driver(), "there is one")
    if boots(screen):
        console_appears(screen)
        lights(screen)
        sizes_change(screen)
        unplug(screen)
        screen.socket.close()
        viewers = follow_viewer()
        wakeups(vmm.pid)
    vmm.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    vmm.send_signal(signal.SIGTERM)
    check("ends", vmm.wait() == 0, vmm.returncode)
    if viewers:
        check("screen-ends", viewers.wait() == 0, viewers.returncode)
    if failed:
        subprocess.run(["tail", "-n", "40", SERIAL])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
