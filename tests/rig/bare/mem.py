#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's side of the bare guest's suite mem-host: tests/rig/bare/mem.py CONTROL

Requests memory and looks at what the machine says of it; a line "ok NAME" or "not ok NAME: WHY" each.
Stops the machine at the end.
"""

import errno
import sys

sys.dont_write_bytecode = True
from balloon import MIB, PAGE, Machine, check, protocol  # noqa: E402


def plug(machine, name, size):
    """So much memory for the machine; what it says once the driver has done it."""
    machine.request("vm.plug", {"ram_bytes": size})
    memory = machine.wait(lambda memory: memory["ram_bytes"] == size)
    check("mem-host/" + name, memory["ram_bytes"] == size == memory["requested_bytes"], memory)
    return memory


def main(path):
    machine = Machine(path)
    start = machine.wait(lambda memory: memory.get("plug_driver"))
    small, most = start["start_bytes"], start["maximum_bytes"]
    check("mem-host/driver", start.get("plug") and start.get("plug_driver"), start)
    check("mem-host/nothing-plugged-in", start["ram_bytes"] == small < most, start)
    for name, parameters, number in (
            ("no-size", {}, errno.EBADMSG),
            ("less-than-at-the-start", {"ram_bytes": small - MIB}, errno.ERANGE),
            ("more-than-the-maximum", {"ram_bytes": most + 1}, errno.ERANGE)):
        got = machine.refusal("vm.plug", **parameters)
        check("mem-host/" + name, got == number, "errno %d" % got)
    before = start["resident_bytes"]
    plug(machine, "in", small + 64 * MIB)
    memory = machine.wait(lambda memory: memory["resident_bytes"] >= before + 64 * MIB)
    check("mem-host/guest-uses-it", memory["resident_bytes"] >= before + 64 * MIB, memory)
    memory = plug(machine, "out", small)
    check("mem-host/host-has-it-back", memory["resident_bytes"] <= before + 64 * PAGE, memory)
    plug(machine, "elsewhere", small + 16 * MIB)
    told = [event for _, event in machine.events if event["ram_bytes"] != small]
    check("mem-host/events", told, machine.events)
    check("mem-host/complete", True)
    machine.request("vm.stop")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (protocol.Error, OSError) as error:
        check("mem-host/machine", False, error)
