#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A memory cgroup that plays a whole host: so much memory, no swap, and the kernel's own OOM killer.

    host_cgroup.py MIB FOLDER

makes one, writes its path to FOLDER/cgroup, and keeps FOLDER/proc/meminfo as that of such a host would be, four
times a second (lodged --host-root FOLDER), until it is ended by a signal. Then it removes the cgroup, once that is
empty. Exit status 77 where there is no memory controller for us."""

import os
import signal
import sys
import threading
import time

MIB = 1 << 20
PERIOD_S = 0.25


class HostCgroup:
    """By version 1 of cgroups; version 2 is written down, but has not been tried."""

    def __init__(self, total_mib):
        base = "/sys/fs/cgroup/memory"
        self.old = os.path.isdir(base)
        self.path = f"{base if self.old else '/sys/fs/cgroup'}/lodge-host-{os.getpid()}"
        self.total = total_mib * MIB
        os.mkdir(self.path)
        try:
            self.write("memory.limit_in_bytes" if self.old else "memory.max", self.total)
            if not self.old:
                self.write("memory.swap.max", 0)
        except OSError:
            os.rmdir(self.path)
            raise

    def write(self, name, value):
        with open(f"{self.path}/{name}", "w") as file:
            file.write(str(value))

    def read(self, name):
        with open(f"{self.path}/{name}") as file:
            return file.read()

    def number(self, name, key):
        for line in self.read(name).splitlines():
            words = line.split()
            if words[0] == key:
                return int(words[1])
        return 0

    def used(self):
        """What cannot be dropped, in bytes."""
        usage = int(self.read("memory.usage_in_bytes" if self.old else "memory.current"))
        prefix = "total_" if self.old else ""
        cache = [self.number("memory.stat", f"{prefix}{kind}_file") for kind in ("active", "inactive")]
        return usage - sum(cache)

    def kills(self):
        return self.number("memory.oom_control" if self.old else "memory.events", "oom_kill")

    def take(self, pid):
        self.write("cgroup.procs", pid)

    def give_back(self, pid):
        with open(f"{os.path.dirname(self.path)}/cgroup.procs", "w") as file:
            file.write(str(pid))

    def tell(self, folder):
        """What /proc/meminfo of such a host would say. Returns what is used."""
        used = self.used()
        available = max(0, self.total - used)
        os.makedirs(f"{folder}/proc", exist_ok=True)
        with open(f"{folder}/proc/meminfo.new", "w") as file:
            file.write(f"MemTotal: {self.total >> 10} kB\nMemAvailable: {available >> 10} kB\n")
        os.rename(f"{folder}/proc/meminfo.new", f"{folder}/proc/meminfo")
        return used

    def remove(self):
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)
        print(f"{self.path} is still there", file=sys.stderr)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        host = HostCgroup(int(sys.argv[1]))
    except OSError as error:
        print(f"host_cgroup: no memory controller of cgroups: {error}", file=sys.stderr)
        sys.exit(77)
    host.tell(sys.argv[2])
    with open(f"{sys.argv[2]}/cgroup", "w") as file:
        file.write(f"{host.path}\n")
    while not over.wait(PERIOD_S):
        host.tell(sys.argv[2])
    host.remove()


if __name__ == "__main__":
    main()
