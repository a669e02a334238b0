#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that is only a display: it speaks lodge-vmm's end of host/display/channel.h, and its desktop
follows every monitor at once.

usage: stand_in.py SOCKET [--size WxH] [--heads N] [--stubborn] [--fps N]

So that lodge-screen can be tried with real viewers, natively and without a guest. Each head shows a
quarter of red, green, blue and magenta; every key that is pressed turns a square in the middle to
black or white. What the screen sends is printed, one JSON object a line. --stubborn: monitors are
ignored. --fps: the whole first head is painted anew so often, while somebody looks.

Commands on standard input: "size HEAD WxH" and "off HEAD" (as if the guest did it), "leds N", "end".
"""
import argparse
import array
import json
import mmap
import os
import random
import selectors
import socket
import struct
import sys
import time

MAGIC, VERSION, MAX_HEADS, MAX_EXTENTS = 0x4C6F4453, 1, 16, 65536
HELLO, SCANOUT, DAMAGE, CURSOR, LEDS = 1, 2, 3, 4, 5
NEXT, MODE, KEY, POINTER, MOTION, BUTTON, WHEEL = 16, 17, 18, 19, 20, 21, 22
SCANOUT_BYTES = 40 + 16 * MAX_EXTENTS
CURSOR_BYTES = 28 + 64 * 64 * 4
DRIVER_AT = MAX_HEADS * (SCANOUT_BYTES + CURSOR_BYTES)
AREA_BYTES = (DRIVER_AT + 4 + 7) & ~7
FORMAT_BGRX = 2  # VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM
PIECE = 64 << 10  # surfaces lie in RAM in pieces of that size, in no order
HEAD_RAM = 8192 * 8192 * 4
QUARTERS = (b"\0\0\xff\0", b"\0\xff\0\0", b"\xff\0\0\0", b"\xff\0\xff\0")
SQUARE = 64


class Memory:
    """A memfd that we write; others get a descriptor that cannot."""

    def __init__(self, name, size):
        self.fd = os.memfd_create(name)
        os.ftruncate(self.fd, size)
        self.bytes = mmap.mmap(self.fd, size)
        self.read_only = os.open("/proc/self/fd/%d" % self.fd, os.O_RDONLY)
        self.size = size


class Head:
    def __init__(self, index, ram, area):
        self.index, self.ram, self.area = index, ram, area
        self.width = self.height = 0
        self.sequence = self.generation = 0
        self.wanted = False  # CHANNEL_NEXT has come
        self.dirty = None
        self.order = []
        self.white = False

    def _publish(self, enabled):
        at = self.index * SCANOUT_BYTES
        put = struct.pack_into
        self.sequence += 1
        put("<I", self.area.bytes, at, self.sequence)
        self.generation += 1
        put("<9I", self.area.bytes, at + 4, self.generation, enabled, FORMAT_BGRX, self.width * 4,
            0, 0, self.width, self.height, len(self.order))
        extents = array.array("Q")
        left = self.width * self.height * 4
        for piece in self.order:
            extents.append(self.index * HEAD_RAM + piece * PIECE)
            extents.append(min(PIECE, left))
            left -= min(PIECE, left)
        self.area.bytes[at + 40:at + 40 + len(extents) * 8] = extents.tobytes()
        self.sequence += 1
        put("<I", self.area.bytes, at, self.sequence)

    def write(self, offset, data):
        """Into the surface, across its pieces."""
        while data:
            piece, inside = divmod(offset, PIECE)
            some = min(len(data), PIECE - inside)
            at = self.index * HEAD_RAM + self.order[piece] * PIECE + inside
            self.ram.bytes[at:at + some] = data[:some]
            data = data[some:]
            offset += some

    def set(self, width, height):
        self.width, self.height = width, height
        pieces = -(-width * height * 4 // PIECE)
        self.order = random.sample(range(max(pieces, HEAD_RAM // PIECE // 8)), pieces)
        if width:
            self.paint(0)
        self._publish(1 if width else 0)

    def paint(self, turn):
        quarters = QUARTERS[turn % 4:] + QUARTERS[:turn % 4]
        left, top = self.width // 2, self.height // 2
        rows = [quarters[i] * left + quarters[i + 1] * (self.width - left) for i in (0, 2)]
        self.write(0, memoryview(rows[0] * top + rows[1] * (self.height - top)))

    def flip(self):
        """The square in the middle; its rectangle."""
        self.white = not self.white
        side = min(SQUARE, self.width, self.height)
        x, y = (self.width - side) // 2, (self.height - side) // 2
        row = (b"\xff\xff\xff\0" if self.white else b"\0\0\0\0") * side
        for line in range(y, y + side):
            self.write((line * self.width + x) * 4, memoryview(row))
        return x, y, side, side


class Machine:
    def __init__(self, options):
        self.options = options
        self.ram = Memory("ram", MAX_HEADS * HEAD_RAM)
        self.area = Memory("area", AREA_BYTES)
        struct.pack_into("<I", self.area.bytes, DRIVER_AT, 1)
        self.heads = [Head(i, self.ram, self.area) for i in range(options.heads)]
        width, height = (int(word) for word in options.size.split("x"))
        self.heads[0].set(width, height)
        self.screen = None
        self.packets = 0
        self.turn = 0
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(options.socket)
        self.listener.listen(4)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(0, selectors.EVENT_READ, self.command)
        self.held = b""

    @staticmethod
    def say(**event):
        event["at"] = time.monotonic()
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()

    # --- The channel

    def accept(self):
        if self.screen:
            self.hang_up("another")
        self.screen, _ = self.listener.accept()
        self.selector.register(self.screen, selectors.EVENT_READ, self.receive)
        hello = struct.pack("<IIIIQQ", HELLO, MAGIC, VERSION, len(self.heads), self.ram.size,
                            AREA_BYTES)
        socket.send_fds(self.screen, [hello], [self.ram.read_only, self.area.read_only])
        for head in self.heads:
            head.wanted = False
        self.say(event="connected")

    def hang_up(self, why):
        self.selector.unregister(self.screen)
        self.screen.close()
        self.screen = None
        self.say(event="gone", why=why)

    def send(self, form, *values):
        if self.screen:
            try:
                self.screen.send(struct.pack(form, *values))
            except OSError as error:
                self.hang_up(str(error))

    def damage(self, head, where):
        """Sent if it is welcome, else kept; one rectangle around all of it."""
        if head.dirty:
            x, y = min(where[0], head.dirty[0]), min(where[1], head.dirty[1])
            right = max(where[0] + where[2], head.dirty[0] + head.dirty[2])
            bottom = max(where[1] + where[3], head.dirty[1] + head.dirty[3])
            where = (x, y, right - x, bottom - y)
        head.dirty = where
        if head.wanted:
            head.wanted, head.dirty = False, None
            self.send("<6I", DAMAGE, head.index, *where)

    def show(self, index, width, height):
        head = self.heads[index]
        head.set(width, height)
        head.dirty = None
        self.send("<II", SCANOUT, index)
        if width:
            self.damage(head, (0, 0, width, height))
        self.say(event="scanout", head=index, width=width, height=height)

    def receive(self):
        try:
            data = self.screen.recv(4096)
        except OSError as error:
            self.hang_up(str(error))
            return
        if not data:
            self.hang_up("closed")
            return
        self.packets += 1
        (kind,) = struct.unpack_from("<I", data)
        rest = data[4:]
        if kind == NEXT:
            head = self.heads[struct.unpack("<I", rest)[0]]
            head.wanted = True
            if head.dirty:
                self.damage(head, head.dirty)
        elif kind == MODE:
            index, enabled, width, height, width_mm, height_mm, x, y = struct.unpack("<6Iii", rest)
            self.say(event="mode", head=index, enabled=enabled, width=width, height=height,
                     width_mm=width_mm, height_mm=height_mm, x=x, y=y)
            if not self.options.stubborn:
                size = (width, height) if enabled else (0, 0)
                head = self.heads[index]
                if size != (head.width, head.height):
                    self.show(index, *size)
        elif kind in (KEY, BUTTON):
            code, down = struct.unpack("<II", rest)
            self.say(event="key" if kind == KEY else "button", code=code, down=down)
            if kind == KEY and down == 1 and self.heads[0].width:
                self.damage(self.heads[0], self.heads[0].flip())
        elif kind == POINTER:
            x, y = struct.unpack("<II", rest)
            self.say(event="pointer", x=x, y=y)
        elif kind in (MOTION, WHEEL):
            dx, dy = struct.unpack("<ii", rest)
            self.say(event="motion" if kind == MOTION else "wheel", dx=dx, dy=dy)
        else:
            self.say(event="unknown", kind=kind)

    # --- Our user

    def command(self):
        data = os.read(0, 4096)
        if not data:
            sys.exit(0)
        self.held += data
        while b"\n" in self.held:
            line, self.held = self.held.split(b"\n", 1)
            words = line.decode().split()
            if words[0] == "size":
                self.show(int(words[1]), *(int(word) for word in words[2].split("x")))
            elif words[0] == "off":
                self.show(int(words[1]), 0, 0)
            elif words[0] == "leds":
                self.send("<II", LEDS, int(words[1]))
            elif words[0] == "count":
                self.say(event="count", packets=self.packets)
            elif words[0] == "end":
                sys.exit(0)

    def run(self):
        self.say(event="ready")
        step = 1 / self.options.fps if self.options.fps else None
        due = time.monotonic()
        while True:
            wait = None
            if step and self.screen and self.heads[0].wanted:
                wait = max(0, due - time.monotonic())
            for key, _ in self.selector.select(wait):
                key.data()
            if wait is not None and time.monotonic() >= due:
                head = self.heads[0]
                self.turn += 1
                head.paint(self.turn)
                self.damage(head, (0, 0, head.width, head.height))
                due = max(due + step, time.monotonic() - step)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("socket")
    parser.add_argument("--size", default="1024x768")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--stubborn", action="store_true")
    parser.add_argument("--fps", type=float, default=0)
    Machine(parser.parse_args()).run()


if __name__ == "__main__":
    main()
