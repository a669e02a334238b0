#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The screen's end of lodge-vmm's display channel, for tests: no viewers, no policy.

usage: tests/rig/display/channel.py SOCKET COMMAND [ARGUMENT...]

Connects to the socket of lodge-vmm --display (and takes it from whoever had it), does one thing and
ends.

  status               what each head shows, and whether a driver runs the device
  picture HEAD FILE    write what a head shows as a PPM
  wait HEAD WxH [S]    wait up to S seconds (10) until a head shows a picture of that size
  mode HEAD WxH|off    what the head's monitor is to be
  type TEXT            keys for letters, digits, space, - and newline (written \\n)
  count SECONDS        how many packets of which kind come while damage is welcome

The format is host/display/channel.h's; numbers here are that header's.
"""

import array
import mmap
import os
import select
import socket
import struct
import sys
import time

MAGIC, VERSION, MAX_HEADS, MAX_EXTENTS, CURSOR_SIZE = 0x4C6F4453, 1, 16, 65536, 64
HELLO, SCANOUT, DAMAGE, CURSOR, LEDS = 1, 2, 3, 4, 5
NEXT, MODE, KEY, POINTER, MOTION, BUTTON, WHEEL = 16, 17, 18, 19, 20, 21, 22
SCANOUT_BYTES = 40 + 16 * MAX_EXTENTS
CURSOR_BYTES = 28 + 4 * CURSOR_SIZE * CURSOR_SIZE
DRIVER_AT = MAX_HEADS * (SCANOUT_BYTES + CURSOR_BYTES)

# Where red, green and blue are in the four bytes of a pixel, by enum virtio_gpu_formats.
ORDER = {1: (2, 1, 0), 2: (2, 1, 0), 3: (1, 2, 3), 4: (1, 2, 3),
         67: (0, 1, 2), 134: (0, 1, 2), 68: (3, 2, 1), 121: (3, 2, 1)}

KEYS = dict(zip("1234567890-", range(2, 13))) | dict(zip("qwertyuiop", range(16, 26))) | \
    dict(zip("asdfghjkl", range(30, 39))) | dict(zip("zxcvbnm,./", range(44, 54))) | \
    {" ": 57, "\n": 28}


class Picture:
    """What a head shows, as rows of RGB."""

    def __init__(self, width, height, rows):
        self.width, self.height, self.rows = width, height, rows

    def at(self, x, y):
        return tuple(self.rows[y][3 * x:3 * x + 3])

    def write(self, path):
        with open(path, "wb") as file:
            file.write(b"P6\n%d %d\n255\n" % (self.width, self.height))
            file.writelines(self.rows)


class Channel:
    def __init__(self, path, seconds=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        end = time.monotonic() + seconds
        while True:
            try:
                self.socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.socket.settimeout(seconds)
        hello, fds, _, _ = socket.recv_fds(self.socket, 256, 4)
        kind, magic, version, self.heads, ram_bytes, area_bytes = struct.unpack("<IIIIQQ", hello)
        assert (kind, magic, version) == (HELLO, MAGIC, VERSION) and len(fds) == 2
        assert area_bytes >= DRIVER_AT + 4
        self.ram = mmap.mmap(fds[0], ram_bytes, prot=mmap.PROT_READ)
        self.area = mmap.mmap(fds[1], area_bytes, prot=mmap.PROT_READ)
        for fd in fds:
            os.close(fd)
        self.leds = 0

    def has_driver(self):
        return struct.unpack_from("<I", self.area, DRIVER_AT)[0] == 1

    def scanout(self, head):
        """Width, height, format, stride, x, y and extents; None if nothing is shown."""
        at = head * SCANOUT_BYTES
        for _ in range(100):
            sequence, _, enabled, form, stride, x, y, width, height, count = \
                struct.unpack_from("<10I", self.area, at)
            extents = array.array("Q", self.area[at + 40:at + 40 + 16 * min(count, MAX_EXTENTS)])
            if sequence % 2 == 0 and struct.unpack_from("<I", self.area, at)[0] == sequence:
                break
        else:
            raise RuntimeError("a scanout is always being written")
        return (width, height, form, stride, x, y, extents) if enabled else None

    def size(self, head):
        scanout = self.scanout(head)
        return scanout[:2] if scanout else None

    def picture(self, head):
        scanout = self.scanout(head)
        if not scanout:
            return None
        width, height, form, stride, x, y, extents = scanout
        pixels = b"".join(self.ram[extents[i]:extents[i] + extents[i + 1]]
                          for i in range(0, len(extents), 2))
        rows = []
        for line in range(height):
            at = (y + line) * stride + 4 * x
            row, rgb = pixels[at:at + 4 * width], bytearray(3 * width)
            for channel, place in enumerate(ORDER[form]):
                rgb[channel::3] = row[place::4]
            rows.append(bytes(rgb))
        return Picture(width, height, rows)

    def cursor(self, head):
        """Visible, hot x, hot y, x, y and pixels."""
        at = MAX_HEADS * SCANOUT_BYTES + head * CURSOR_BYTES
        return struct.unpack_from("<IIIii", self.area, at + 8) + \
            (self.area[at + 28:at + CURSOR_BYTES],)

    def send(self, kind, *words):
        self.socket.send(struct.pack("<I%di" % len(words), kind, *words))

    def next(self, head):
        self.send(NEXT, head)

    def mode(self, head, width, height, x=0, y=0, enabled=1):
        self.send(MODE, head, enabled, width, height, 0, 0, x, y)

    def key(self, code, down):
        self.send(KEY, code, down)

    def receive(self, seconds):
        """The words of a packet; None if none comes in time. EOFError at the end."""
        if not select.select([self.socket], [], [], max(seconds, 0))[0]:
            return None
        try:
            packet = self.socket.recv(256)
        except ConnectionResetError:
            packet = b""
        if not packet:
            raise EOFError("lodge-vmm has ended, or somebody else has connected")
        words = struct.unpack("<%dI" % (len(packet) // 4), packet)
        if words[0] == LEDS:
            self.leds = words[1]
        return words

    def wait(self, condition, seconds=10):
        """Take packets until condition() is true. Return: whether it became so in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self.receive(min(0.1, end - time.monotonic()))
        return True

    def type(self, text):
        for letter in text:
            shift = letter.isupper()
            code = KEYS[letter.lower()]
            if shift:
                self.key(42, 1)
            self.key(code, 1)
            self.key(code, 0)
            if shift:
                self.key(42, 0)
            time.sleep(0.02)


def parse_size(text):
    width, height = text.split("x")
    return int(width), int(height)


def show_status(channel):
    print("driver:", "present" if channel.has_driver() else "none")
    for head in range(channel.heads):
        size = channel.size(head)
        print("head %d: %s" % (head, "%dx%d" % size if size else "nothing"))


def count_packets(channel, seconds):
    names = {SCANOUT: "scanout", DAMAGE: "damage", CURSOR: "cursor", LEDS: "leds"}
    counts = {}
    for head in range(channel.heads):
        channel.next(head)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        packet = channel.receive(end - time.monotonic())
        if packet:
            name = names.get(packet[0], "kind %d" % packet[0])
            counts[name] = counts.get(name, 0) + 1
            if packet[0] == DAMAGE:
                channel.next(packet[1])
    print(counts)


def main(arguments):
    if len(arguments) < 2 or "--help" in arguments:
        print(__doc__)
        return 0 if "--help" in arguments else 2
    channel = Channel(arguments[0])
    command, rest = arguments[1], arguments[2:]
    if command == "status":
        show_status(channel)
    elif command == "picture":
        picture = channel.picture(int(rest[0]))
        if not picture:
            print("head %s shows nothing" % rest[0], file=sys.stderr)
            return 1
        picture.write(rest[1])
    elif command == "wait":
        wanted = parse_size(rest[1])
        seconds = float(rest[2]) if len(rest) > 2 else 10
        if not channel.wait(lambda: channel.size(int(rest[0])) == wanted, seconds):
            print("head %s shows %s" % (rest[0], channel.size(int(rest[0]))), file=sys.stderr)
            return 1
    elif command == "mode":
        enabled = rest[1] != "off"
        width, height = parse_size(rest[1]) if enabled else (0, 0)
        channel.mode(int(rest[0]), width, height, enabled=enabled)
    elif command == "type":
        channel.type(rest[0].replace("\\n", "\n"))
    elif command == "count":
        count_packets(channel, float(rest[0]))
    else:
        print("unknown command '%s'; see --help" % command, file=sys.stderr)
        return 2
    # Keys that are down are released when we go: what was sent is read before that.
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
