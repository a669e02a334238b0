#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs in the nested rig's KVM host: what a balloon costs with lodge-vmm and with QEMU.

    inside.py RUNS [VMM...]     a line of JSON for each run of each

The same kernel, the same initrd, its own driver. Time is virtual: it counts instructions.
"""

import json
import os
import re
import socket
import sys
import tempfile
import time

sys.path[1:1] = ["/root/memory"]
sys.dont_write_bytecode = True
from machine import MIB, Control, Guest, protocol  # noqa: E402

GUEST = "/root/guest"
SIZE, LEAST, TOUCHED = 512, 256, 280  # MiB
POLL_SECONDS = 0.01
SECONDS = 3000  # virtual, and long
QUIET_SECONDS = 6  # reports come two seconds after pages were freed
# Linux reports free blocks of this order and above; there are none of the first.
REPORT_ORDER = "/sys/module/page_reporting/parameters/page_reporting_order"
NO_ORDER, USUAL_ORDER = 11, 9


class Lodge(Guest):
    def __init__(self, folder, append):
        serial, control = folder + "/serial", folder + "/control"
        super().__init__(
            ["lodge-vmm", "--memory", "%dM" % SIZE, "--kernel", GUEST + "/vmlinuz",
             "--initrd", GUEST + "/initrd.img", "--append", append, "--serial", "unix:" + serial,
             "--control", control, "--balloon"], serial, control)
        self.control = Control(control)

    def target(self, size):
        self.control.request("vm.balloon", {"target_bytes": size * MIB})

    def actual(self):
        return self.control.request("vm.memory")[0]["actual_bytes"] // MIB


SHMEM_HUGE = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"


class LodgeHuge(Lodge):
    """On a host that lets shared memory have huge pages, which is not Debian's setting."""

    def __init__(self, folder, append):
        with open(SHMEM_HUGE, "w") as setting:
            setting.write("advise")
        super().__init__(folder, append)

    def end(self):
        super().end()
        with open(SHMEM_HUGE, "w") as setting:
            setting.write("never")


class Qemu(Guest):
    """Its smallest machine, with memory as it has it by itself."""

    def __init__(self, folder, append):
        serial, control = folder + "/serial", folder + "/control"
        super().__init__(
            ["qemu-system-x86_64", "-name", "bench,debug-threads=on",
             "-M", "microvm,accel=kvm,pcie=on,rtc=off,pit=off,pic=off,x-option-roms=off",
             "-cpu", "host",
             "-m", str(SIZE), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-kernel", GUEST + "/vmlinuz", "-initrd", GUEST + "/initrd.img", "-append", append,
             "-serial", "unix:%s,server=on,wait=off" % serial,
             "-qmp", "unix:%s,server=on,wait=off" % control, "-device", "virtio-rng-pci",
             "-device", "virtio-balloon-pci,free-page-reporting=on,deflate-on-oom=on"],
            serial, control)
        self.qmp = socket.socket(socket.AF_UNIX)
        self.qmp.connect(control)
        self.lines = self.qmp.makefile("r")
        self.lines.readline()
        self._do("qmp_capabilities")

    def _do(self, command, **arguments):
        self.qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            answer = json.loads(self.lines.readline())
            if "event" not in answer:
                return answer["return"]

    def target(self, size):
        self._do("balloon", value=size * MIB)

    def actual(self):
        return self._do("query-balloon")["actual"] // MIB


VMMS = {"lodge-vmm-huge": LodgeHuge, "lodge-vmm": Lodge, "qemu": Qemu}


def costs(guest):
    """Seconds that threads ran: processors', and all others'."""
    pid, vcpus, others = guest.process.pid, 0, 0
    for task in os.listdir("/proc/%d/task" % pid):
        path = "/proc/%d/task/%s/" % (pid, task)
        with open(path + "comm") as name, open(path + "schedstat") as stat:
            seconds = int(stat.read().split()[0]) / 1e9
            if re.match("(?i)v?cpu", name.read()):
                vcpus += seconds
            else:
                others += seconds
    return vcpus, others


def resident(guest):
    """MiB of the whole process: what the guest's memory gives back is seen in it."""
    with open("/proc/%d/status" % guest.process.pid) as status:
        return int(re.search(r"VmRSS:\s*(\d+)", status.read()).group(1)) // 1024


class Measured:
    """What passes between two points."""

    def __init__(self, guest):
        self.guest, self.began = guest, time.monotonic()
        self.before, self.resident = costs(guest), resident(guest)

    def end(self, size):
        seconds = time.monotonic() - self.began
        vcpus, others = (now - then for now, then in zip(costs(self.guest), self.before))
        return {"mib": size, "seconds": seconds, "vcpu_seconds": vcpus, "host_seconds": others,
                "resident_before": self.resident, "resident_after": resident(self.guest)}


def wait(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise protocol.Error("%s: not within %d s" % (what, SECONDS))
        time.sleep(POLL_SECONDS)


def touch(guest):
    """A file in memory."""
    guest.shell("mount -o remount,size=%dm /run; dd if=/dev/zero of=/run/file bs=1M count=%d "
                "2>/dev/null" % (TOUCHED + 20, TOUCHED), SECONDS)


def move(guest, size, change):
    measured = Measured(guest)
    guest.target(size)
    wait(lambda: guest.actual() == size, "to %d MiB" % size)
    return measured.end(change)


def measure_reports(guest):
    guest.shell("echo %d >%s" % (USUAL_ORDER, REPORT_ORDER))
    touch(guest)
    time.sleep(QUIET_SECONDS)
    measured = Measured(guest)
    guest.shell("rm /run/file")
    least, since = resident(guest), time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        time.sleep(0.2)
        if resident(guest) < least:
            least, since = resident(guest), time.monotonic()
    result = measured.end(0)
    result["mib"] = result["resident_before"] - result["resident_after"]
    return result


def measure(name, folder):
    guest = VMMS[name](folder, "console=ttyS0 quiet")
    guest.shell("until [ -e /sys/bus/virtio/drivers/virtio_balloon/virtio* ]; do sleep 1; done; "
                "echo %d >%s" % (NO_ORDER, REPORT_ORDER), SECONDS)
    touch(guest)
    guest.shell("rm /run/file")
    yield "inflate", move(guest, LEAST, SIZE - LEAST)
    yield "deflate", move(guest, SIZE, SIZE - LEAST)
    yield "report", measure_reports(guest)
    guest.end()


def main(runs, names):
    for _ in range(runs):
        for name in names or VMMS:
            with tempfile.TemporaryDirectory() as folder:
                for what, result in measure(name, folder):
                    print(json.dumps({"vmm": name, "what": what, **result}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
