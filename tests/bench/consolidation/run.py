#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run of bench-consolidation: guests of the libvirtd of $LIBVIRT_DEFAULT_URI in a memory cgroup, whose memory
one policy divides. Prints what came of it as JSON; what goes on is told on standard error."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../rig/memory"))
from host_cgroup import MIB, HostCgroup  # noqa: E402

MAXIMUM, MINIMUM = 512, 128
BOOT_S = 400

# What goes on in each guest, in four parts of the time: busy, or at rest. With fewer guests, the first ones.
GUESTS = [
    ("build", "brbr"),
    ("database", "rbrb"),
    ("scan", "rbbr"),
    ("build", "rbrb"),
    ("idle", "rrrr"),
    ("database", "bbrr"),
]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def virsh(*arguments, check=True):
    done = subprocess.run(
        ["virsh", "--quiet", *arguments], capture_output=True, text=True, timeout=60
    )
    if check and done.returncode:
        raise RuntimeError(f"virsh {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


class Guest:
    def __init__(self, run, number):
        self.kind, self.phases = GUESTS[number]
        self.name = f"{self.kind}{number}"
        self.port = f"{run.work}/{self.name}.port"
        self.lines, self.error = [], None
        self.ready, self.over = threading.Event(), threading.Event()
        self.alive = True
        self.actual, self.free, self.rss = MAXIMUM, 0.0, 0.0
        self.moved, self.flips, self.direction, self.turned_at = 0.0, 0, 0, None

    def xml(self, run):
        metadata = ""
        if run.policy == "Lodge":
            metadata = (
                f"<lodge:memory xmlns:lodge='urn:lodge:memory:1' mode='auto' minimum='{MINIMUM}M'/>"
            )
        return f"""<domain type='qemu'>
  <name>{self.name}</name>
  <metadata>{metadata}</metadata>
  <memory unit='MiB'>{MAXIMUM}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{run.guest}/vmlinuz</kernel><initrd>{run.guest}/bench.img</initrd>
    <cmdline>console=ttyS0 quiet psi=1</cmdline></os>
  <features><acpi/><tcg><tb-cache unit='MiB'>32</tb-cache></tcg></features>
  <devices>
    <serial type='pty'/>
    <controller type='usb' model='none'/>
    <controller type='virtio-serial'/>
    <channel type='unix'><target type='virtio' name='org.lodge.agent.0'/></channel>
    <channel type='unix'><source mode='bind' path='{self.port}'/>
      <target type='virtio' name='org.lodge.bench.0'/></channel>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{run.disk}'/>
      <target dev='vda' bus='virtio'/><readonly/><shareable/>
      <iotune><total_bytes_sec>{64 * MIB}</total_bytes_sec><total_iops_sec>1000</total_iops_sec></iotune></disk>
    <memballoon model='virtio' freePageReporting='on' autodeflate='{run.autodeflate}'><stats period='1'/></memballoon>
  </devices>
</domain>
"""

    def start(self, run):
        file = f"{run.work}/{self.name}.xml"
        with open(file, "w") as stream:
            stream.write(self.xml(run))
        # What libvirtd starts is where libvirtd is, from its first page on.
        run.cgroup.take(run.libvirtd)
        try:
            virsh("create", file)
        finally:
            run.cgroup.give_back(run.libvirtd)
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(self.port)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.connection.makefile("r"):
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if "ready" in told:
                self.ready.set()
            elif "end" in told:
                self.over.set()
            elif "error" in told:
                self.error = told["error"]
                self.over.set()
            else:
                self.lines.append(told)
        # QEMU is gone.
        self.alive = False
        self.ready.set()
        self.over.set()

    def begin(self, seconds):
        try:
            self.connection.sendall(f"{self.kind} {seconds} {self.phases}\n".encode())
        except OSError:
            pass

    def look(self, told):
        """Take the balloon's figures, in MiB."""
        actual = told.get("balloon.current", self.actual * 1024) / 1024
        self.free = told.get("balloon.unused", 0) / 1024
        self.rss = told.get("balloon.rss", 0) / 1024
        change = actual - self.actual
        self.moved += abs(change)
        # As the simulator counts: movements of more than 8 MiB.
        if self.turned_at is None:
            self.turned_at = actual
        if abs(actual - self.turned_at) > 8:
            direction = 1 if actual > self.turned_at else -1
            self.flips += direction == -self.direction
            self.direction, self.turned_at = direction, actual
        self.actual = actual

    def result(self, seconds):
        first, last = (self.lines[0], self.lines[-1]) if self.lines else ({}, {})

        def grown(key):
            return last.get(key, 0) - first.get(key, 0)

        lived = last.get("at", 0)
        return {
            "kind": self.kind,
            "alive": self.alive,
            "error": self.error,
            "lived_s": lived,
            "gone": max(0.0, 1 - lived / seconds),
            "work": last.get("work", 0),
            "lost": last.get("lost", 0),
            "stall": grown("some_us") / 1e6 / lived if lived else 0,
            "full": grown("full_us") / 1e6 / lived if lived else 0,
            "refaults": grown("refaults"),
            "oom_kills": last.get("oom_kills", 0),
            "moved_mib": self.moved,
            "flips": self.flips,
        }


class Run:
    def __init__(self, options):
        self.policy, self.total = options.policy, options.total
        self.reserve, self.autodeflate = options.reserve, options.autodeflate
        self.host_mib = self.total + options.guests * options.beside
        self.seconds, self.work = options.seconds, options.work
        self.guest, self.disk, self.libvirtd = options.guest, options.disk, options.libvirtd
        try:
            self.cgroup = HostCgroup(16384 if self.policy == "unbounded" else self.host_mib)
        except OSError as error:
            sys.exit(f"bench-consolidation: no memory controller of cgroups: {error}")
        self.guests = [Guest(self, i) for i in range(options.guests)]
        self.stopping = threading.Event()
        self.peak, self.trace = 0, []
        self.lodged = self.rule = None
        self.threads = []

    # --- the host ---
    def play_host(self):
        """For lodged; four times a second."""
        while True:
            self.peak = max(self.peak, self.cgroup.tell(f"{self.work}/host"))
            if self.stopping.wait(0.25):
                return

    def host_free(self):
        return max(0, self.cgroup.total - self.cgroup.used()) / MIB

    def look(self):
        """Balloons, once a second."""
        started = time.monotonic()
        while not self.stopping.wait(1):
            told, name = {}, None
            for line in virsh("domstats", "--balloon", "--nowait", check=False).splitlines():
                line = line.strip()
                if line.startswith("Domain:"):
                    name = line.split("'")[1]
                    told[name] = {}
                elif "=" in line and name:
                    key, value = line.split("=")
                    told[name][key] = int(value)
            for guest in self.guests:
                if guest.name in told:
                    guest.look(told[guest.name])
            self.trace.append(
                [round(time.monotonic() - started), int(self.host_free())]
                + [
                    [round(guest.actual), round(guest.free), round(guest.rss)] if guest.alive else None
                    for guest in self.guests
                ]
            )

    # --- policies ---
    def start_policy(self):
        environment = dict(os.environ, LODGE_RUNTIME_DIR=self.work)
        if self.policy == "Lodge":
            with open(f"{self.work}/memory.json", "w") as file:
                # As `lodge memory policy reserve=` does: 256 MiB, the least by itself, is much of such a host.
                json.dump({"mode": "on", "speed": "normal", "reserve": self.reserve * MIB}, file)
            log = open(f"{self.work}/lodged.log", "a")
            self.lodged = subprocess.Popen(
                ["lodged", "--runtime", self.work, "--host-root", f"{self.work}/host"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        elif self.policy in ("MOM", "Proxmox", "static"):
            total = self.total if self.policy == "static" else self.host_mib
            self.rule = subprocess.Popen(
                [
                    "sim",
                    "rule",
                    self.policy,
                    *(str(value) for value in (len(self.guests), total, MAXIMUM, MINIMUM)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.apply(self.rule.stdout.readline())
            self.thread(self.follow_rule)

    def apply(self, line):
        for guest, target in zip(self.guests, line.split()):
            if guest.alive and abs(float(target) - guest.actual) >= 1:
                virsh("setmem", guest.name, str(int(float(target) * 1024)), "--live", check=False)

    def follow_rule(self):
        while not self.stopping.wait(5):
            figures = [self.host_free()]
            for guest in self.guests:
                # Who is gone has nothing, and is not asked.
                figures += [guest.actual, guest.free] if guest.alive else [MINIMUM, 0]
            self.rule.stdin.write(" ".join(f"{figure:.1f}" for figure in figures) + "\n")
            self.rule.stdin.flush()
            self.apply(self.rule.stdout.readline())

    # --- all of it ---
    def thread(self, function):
        thread = threading.Thread(target=function, daemon=True)
        thread.start()
        self.threads.append(thread)

    def go(self):
        self.thread(self.play_host)
        while not os.path.exists(f"{self.work}/host/proc/meminfo"):
            time.sleep(0.05)
        for guest in self.guests:
            guest.start(self)
        self.thread(self.look)
        self.start_policy()
        deadline = time.monotonic() + BOOT_S
        for guest in self.guests:
            if not guest.ready.wait(max(0, deadline - time.monotonic())):
                raise RuntimeError(f"{guest.name} is not ready after {BOOT_S} s")
        say(f"{self.policy}: guests are ready, {self.host_free():.0f} MiB are free")
        # From here on it counts; what moved before was the start.
        for guest in self.guests:
            guest.moved, guest.flips = 0.0, 0
            guest.begin(self.seconds)
        end = time.monotonic() + self.seconds + 60
        for guest in self.guests:
            if not guest.over.wait(max(0, end - time.monotonic())):
                guest.error = "did not end"
        return {
            "policy": self.policy,
            "seconds": self.seconds,
            "host_oom_kills": self.cgroup.kills(),
            "host_peak_mib": self.peak / MIB,
            "guests": {guest.name: guest.result(self.seconds) for guest in self.guests},
            "trace": self.trace,
        }

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        if self.rule:
            self.rule.stdin.close()
            self.rule.wait(10)
        for guest in self.guests:
            virsh("destroy", guest.name, check=False)
        if self.lodged:
            self.lodged.send_signal(signal.SIGTERM)
            try:
                self.lodged.wait(20)
            except subprocess.TimeoutExpired:
                self.lodged.kill()
        self.cgroup.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("policy", choices=["unbounded", "none", "static", "MOM", "Proxmox", "Lodge"])
    parser.add_argument("--guests", type=int, default=len(GUESTS))
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--total", type=int, default=2048, help="MiB of the host for guests")
    parser.add_argument("--beside", type=int, default=100, help="MiB that the host has more for each QEMU")
    parser.add_argument("--reserve", type=int, default=128, help="MiB that lodged keeps free")
    parser.add_argument("--autodeflate", choices=["on", "off"], default="off", help="the balloon, on OOM in the guest")
    parser.add_argument("--work", required=True, help="a folder for sockets and logs")
    parser.add_argument("--guest", required=True, help="a folder with vmlinuz and bench.img")
    parser.add_argument("--disk", required=True)
    parser.add_argument("--libvirtd", type=int, required=True, help="its process id")
    run = Run(parser.parse_args())
    try:
        result = run.go()
    finally:
        run.stop()
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
