#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The back end of the bare guest's suite fs: tests/rig/bare/fs.py SOCKET

Speaks vhost-user, and knows no file system: a request is four numbers of 64 bits, operation and
arguments, and the answer one. The guest has it answer, map pieces of a file, cut the file short, lie,
stall and die (guest/test_fs.c). Each connection has a back end of its own.
"""

import array
import mmap
import os
import selectors
import socket
import struct
import sys
import threading

HEADER = struct.Struct("=III")
VERSION, REPLY, NEED_REPLY = 1, 4, 8
GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
VRING_NUM, VRING_ADDR, VRING_BASE, GET_BASE, VRING_KICK, VRING_CALL, VRING_ERR = 8, 9, 10, 11, 12, 13, 14
GET_PROTOCOL, SET_PROTOCOL, QUEUE_NUM, VRING_ENABLE, REQUEST_FD = 15, 16, 17, 18, 21
RESET_DEVICE, SHMEM_CONFIG = 34, 44
MAP, UNMAP = 9, 10
FEATURES = 1 << 32 | 1 << 30 | 1 << 29 | 1 << 28
PROTOCOL = 1 << 0 | 1 << 3 | 1 << 5 | 1 << 10 | 1 << 13 | 1 << 22
QUEUES = 5
PATTERN = array.array("Q", range(1, 8 << 20, 8)).tobytes()
NO_FD = 0x100

ECHO, OP_MAP, OP_UNMAP, TRUNCATE, FILL, READ, DIE, STALL, SPEAK, ERROR, DIE_AT_RESET = range(1, 12)
REFUSED = 0xE0000000  # and an errno


class Gone(Exception):
    pass


class Ring:
    def __init__(self):
        self.size = self.base = self.enabled = 0
        self.addresses = None
        self.kick = self.call = self.error = None


class BackEnd:
    """One machine's."""

    def __init__(self, connection, file):
        self.socket, self.file = connection, file
        self.rings = [Ring() for _ in range(QUEUES)]
        self.memory = []
        self.requests = None
        self.stalled = self.dies_at_reset = False

    # --- Messages ---

    @staticmethod
    def receive(stream):
        data, fds = b"", array.array("i")
        while len(data) < HEADER.size:
            part, ancillary, _, _ = stream.recvmsg(HEADER.size - len(data), socket.CMSG_SPACE(32))
            if not part:
                raise Gone
            data += part
            for _, _, packed in ancillary:
                fds.frombytes(packed)
        request, flags, size = HEADER.unpack(data)
        payload = b""
        while len(payload) < size:
            part = stream.recv(size - len(payload))
            if not part:
                raise Gone
            payload += part
        return request, flags, payload, list(fds)

    def answer(self, request, payload):
        self.socket.sendall(HEADER.pack(request, VERSION | REPLY, len(payload)) + payload)

    def handle(self):
        request, flags, payload, fds = self.receive(self.socket)
        if self.stalled:
            return
        if request == GET_BASE and self.dies_at_reset:
            raise Gone
        reply = self.obey(request, payload, fds)
        if reply is None and flags & NEED_REPLY:
            reply = struct.pack("=Q", 0)
        if reply is not None:
            self.answer(request, reply)

    def obey(self, request, payload, fds):
        numbers = {GET_FEATURES: FEATURES, GET_PROTOCOL: PROTOCOL, QUEUE_NUM: QUEUES}
        if request in numbers:
            return struct.pack("=Q", numbers[request])
        if request == SHMEM_CONFIG:
            return struct.pack("=II256Q", 1, 0, 1 << 40, *([0] * 255))
        if request == SET_MEM_TABLE:
            self.take_memory(payload, fds)
        elif request == REQUEST_FD:
            self.requests = socket.socket(fileno=fds[0])
        elif request in (VRING_NUM, VRING_BASE, VRING_ENABLE):
            index, number = struct.unpack("=II", payload)
            setattr(self.rings[index], {VRING_NUM: "size", VRING_BASE: "base",
                                        VRING_ENABLE: "enabled"}[request], number)
        elif request == VRING_ADDR:
            index, _, descriptors, used, available, _ = struct.unpack("=IIQQQQ", payload)
            self.rings[index].addresses = (descriptors, available, used)
        elif request in (VRING_KICK, VRING_CALL, VRING_ERR):
            self.take_event(request, struct.unpack("=Q", payload)[0], fds)
        elif request == GET_BASE:
            index, _ = struct.unpack("=II", payload)
            self.rings[index].enabled = 0
            return struct.pack("=II", index, self.rings[index].base)
        return None

    def take_memory(self, payload, fds):
        count, _ = struct.unpack_from("=II", payload)
        self.memory = []
        for i in range(count):
            gpa, size, user, offset = struct.unpack_from("=QQQQ", payload, 8 + 32 * i)
            view = mmap.mmap(fds[i], offset + size)
            os.close(fds[i])
            self.memory.append((gpa, user, size, offset, view))

    def take_event(self, request, number, fds):
        ring = self.rings[number & 0xFF]
        name = {VRING_KICK: "kick", VRING_CALL: "call", VRING_ERR: "error"}[request]
        if getattr(ring, name) is not None:
            os.close(getattr(ring, name))
        setattr(ring, name, None if number & NO_FD else fds[0])

    def ask(self, request, offset, length, file_offset, writable):
        """Have the machine map or unmap; its answer."""
        payload = struct.pack("=B7xQQQQ", 0, file_offset, offset, length, writable)
        header = HEADER.pack(request, VERSION | NEED_REPLY, len(payload))
        fds = [self.file] if request == MAP else []
        socket.send_fds(self.requests, [header + payload], fds)
        return struct.unpack("=Q", self.receive(self.requests)[2])[0]

    # --- Rings ---

    def at(self, address, by_user):
        for gpa, user, size, offset, view in self.memory:
            start = user if by_user else gpa
            if start <= address < start + size:
                return view, offset + address - start
        raise Gone

    def chain(self, ring, head):
        """Its first readable piece, and its first writable one."""
        view, table = self.at(ring.addresses[0], True)
        readable = writable = None
        for _ in range(ring.size):
            gpa, length, flags, following = struct.unpack_from("=QIHH", view, table + 16 * head)
            if flags & 2:
                writable = writable or (gpa, length)
            else:
                readable = readable or (gpa, length)
            if not flags & 1:
                break
            head = following
        return readable, writable

    def serve(self, ring):
        view, available = self.at(ring.addresses[1], True)
        while ring.enabled:
            index = struct.unpack_from("=H", view, available + 2)[0]
            if ring.base == index:
                return
            head = struct.unpack_from("=H", view, available + 4 + 2 * (ring.base % ring.size))[0]
            readable, writable = self.chain(ring, head)
            memory, at = self.at(readable[0], False)
            result = self.operate(ring, *struct.unpack_from("=QQQQ", memory, at))
            if self.stalled:
                return
            memory, at = self.at(writable[0], False)
            struct.pack_into("=Q", memory, at, result & (1 << 64) - 1)
            used_view, used = self.at(ring.addresses[2], True)
            struct.pack_into("=II", used_view, used + 4 + 8 * (ring.base % ring.size), head, 8)
            ring.base = ring.base + 1 & 0xFFFF
            struct.pack_into("=H", used_view, used + 2, ring.base)
            if ring.call is not None:
                os.eventfd_write(ring.call, 1)

    def operate(self, ring, operation, first, second, third):
        if operation == ECHO:
            return first ^ 0x5A5A5A5A5A5A5A5A
        if operation in (OP_MAP, OP_UNMAP):
            # The lowest bit of the place in the file: whether it may be written.
            error = self.ask(MAP if operation == OP_MAP else UNMAP, first, second, third & ~1, third & 1)
            return REFUSED + error if error else 0
        if operation == TRUNCATE:
            os.ftruncate(self.file, first)
        elif operation == FILL:
            fill(self.file)
        elif operation == READ:
            return struct.unpack("=Q", os.pread(self.file, 8, first))[0]
        elif operation == DIE:
            raise Gone
        elif operation == STALL:
            self.stalled = True
        elif operation == SPEAK:
            self.socket.sendall(b"nobody asked")
        elif operation == ERROR:
            os.eventfd_write(ring.error, 1)
        elif operation == DIE_AT_RESET:
            self.dies_at_reset = True
        return 0

    def run(self):
        while True:
            with selectors.DefaultSelector() as selector:
                selector.register(self.socket, selectors.EVENT_READ, None)
                for ring in self.rings:
                    if ring.enabled and ring.kick is not None and not self.stalled:
                        selector.register(ring.kick, selectors.EVENT_READ, ring)
                for key, _ in selector.select():
                    if key.data is None:
                        self.handle()
                    else:
                        try:
                            os.eventfd_read(key.data.kick)
                        except BlockingIOError:
                            pass
                        self.serve(key.data)


def fill(file):
    """At each place its own number, and one."""
    os.pwrite(file, PATTERN, 0)


def serve(connection, file):
    back_end = BackEnd(connection, file)
    try:
        back_end.run()
    except (Gone, ConnectionError):
        pass
    connection.close()
    if back_end.requests:
        back_end.requests.close()


def main(path):
    file = os.memfd_create("file")
    fill(file)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(4)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection, file), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
