#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a display costs while nothing changes: wakeups a second and memory, of lodge-vmm and lodge-screen
with the bare rig's guest, beside QEMU with virtio-vga and its VNC server. The machines are paused, so
that what is counted is their own.

usage: idle.py BUILD     BUILD: the folder of the programs, with the bare rig's guest

Prints one JSON object. Memory is PSS, without what is mapped of the guest's (64 MiB and more at once). A wakeup is
a context switch that one of the process's threads made itself.
"""
import glob
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "rig", "screen"),
                os.path.join(HERE, "..", "..", "rig", "desktop")]

from guest import die_with_us  # noqa: E402
from picture import Error  # noqa: E402
from protocol import Control  # noqa: E402
from rfb import Rfb  # noqa: E402

SECONDS, GUEST_KIB = 10, 64 * 1024


def switches(pid):
    total = 0
    for path in glob.glob("/proc/%d/task/*/status" % pid):
        with open(path, encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("voluntary"))
    return total


def wakeups(*pids):
    before = [switches(pid) for pid in pids]
    time.sleep(SECONDS)
    return [round((switches(pid) - one) / SECONDS, 1) for pid, one in zip(pids, before)]


def own_kib(pid):
    total, guest = 0, False
    with open("/proc/%d/smaps" % pid, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[0].endswith(":"):
                total += int(words[1]) if words[0] == "Pss:" and not guest else 0
            else:
                first, last = (int(word, 16) for word in words[0].split("-"))
                guest = (last - first) // 1024 >= GUEST_KIB
    return total


def wait(what, condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Error("%s within %d s" % (what, seconds))
        time.sleep(0.05)


def start(log, *command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            preexec_fn=die_with_us)


def end(*processes):
    for process in processes:
        process.kill()
        process.wait()


def look(path):
    """A viewer that has seen the picture and waits for a change."""
    viewer = Rfb(path)
    viewer.drain(2)
    viewer.request()
    return viewer


def machine(build, folder, log, *options):
    path = os.path.join(folder, "control")
    process = start(log, os.path.join(build, "lodge-vmm"), "--name", "idle", "--memory", "128M", "--kernel",
                    os.path.join(build, "tests/rig/bare/guest.bzimage"), "--append", "tests=gpu",
                    "--serial", "stdio", "--control", path, *options)
    wait("lodge-vmm does not start", lambda: os.path.exists(path))
    return process, Control(path)


def ours(build, folder, log):
    vmm, control = machine(build, folder, log)
    time.sleep(1)
    control.request("vm.pause")
    time.sleep(2)
    found = {"lodge-vmm, no display": {"own_kib": own_kib(vmm.pid), "wakeups": wakeups(vmm.pid)[0]}}
    end(vmm)

    display, vnc, asked = (os.path.join(folder, name) for name in ("display", "vnc", "screen"))
    vmm, control = machine(build, folder, log, "--display", "socket=" + display)
    wait("no display", lambda: os.path.exists(display))
    screen = start(log, os.path.join(build, "lodge-screen"), "--vmm", display, "--vnc", vnc, "--control", asked)
    wait("lodge-screen does not start", lambda: os.path.exists(asked))
    heads = Control(asked)
    wait("no picture", lambda: heads.heads().get(0, {}).get("width") == 320)
    # Its guest shows another picture then, and waits.
    heads.display(head=0, width=800, height=600)
    wait("no second picture", lambda: heads.heads()[0]["width"] == 800)
    control.request("vm.pause")
    time.sleep(5)
    counted = wakeups(vmm.pid, screen.pid)
    found["lodge-vmm"] = {"own_kib": own_kib(vmm.pid), "wakeups": counted[0]}
    found["lodge-screen"] = {"own_kib": own_kib(screen.pid), "wakeups": counted[1]}
    viewer = look(vnc)
    counted = wakeups(vmm.pid, screen.pid)
    found["lodge-vmm"]["wakeups_viewer"], found["lodge-screen"]["wakeups_viewer"] = counted
    found["lodge-screen"]["own_kib_viewer"] = own_kib(screen.pid)
    viewer.close()
    end(screen, vmm)
    return found


def theirs(folder, log):
    path = os.path.join(folder, "qemu-vnc")
    qemu = start(log, "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-M", "q35",
                 "-accel", "tcg", "-m", "128", "-device", "virtio-vga", "-vnc", "unix:" + path, "-qmp",
                 "unix:%s,server=on,wait=off" % (path + "-qmp"))
    wait("QEMU does not start", lambda: os.path.exists(path))
    viewer = look(path)  # until the firmware has painted
    viewer.close()
    monitor = socket.socket(socket.AF_UNIX)
    monitor.connect(path + "-qmp")
    answers = monitor.makefile("r")
    answers.readline()
    for command in ("qmp_capabilities", "stop"):
        monitor.sendall(json.dumps({"execute": command}).encode())
        while "return" not in json.loads(answers.readline()):
            pass
    time.sleep(3)
    found = {"own_kib": own_kib(qemu.pid), "wakeups": wakeups(qemu.pid)[0]}
    viewer = look(path)
    found["wakeups_viewer"] = wakeups(qemu.pid)[0]
    found["own_kib_viewer"] = own_kib(qemu.pid)
    viewer.close()
    end(qemu)
    return {"QEMU, VNC": found}


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="lodge-idle.") as folder, \
            open(os.path.join(folder, "log"), "wb") as log:
        try:
            found = {**ours(sys.argv[1], folder, log), **theirs(folder, log)}
        except Error as error:
            with open(log.name, encoding="utf-8", errors="replace") as said:
                print("idle.py: %s; %s" % (error, said.read()[-1000:]), file=sys.stderr)
            return 1
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
