# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures of screens, for tests: what colours they have, PNG files of them."""
import struct
import zlib


class Error(Exception):
    """What went wrong with a screen, a viewer or a guest; words for people."""


class Picture:
    """Pixels as a head shows them: `at(x, y)` is (red, green, blue). `order`: where in the bytes of
    a pixel red, green and blue are."""

    def __init__(self, width, height, pixels, bytes_each=4, order=(2, 1, 0), stride=0):
        self.width, self.height = width, height
        self._pixels, self._bytes, self._order = pixels, bytes_each, order
        self._stride = stride or width * bytes_each

    def at(self, x, y):
        offset = y * self._stride + x * self._bytes
        return tuple(self._pixels[offset + place] for place in self._order)

    def part(self, x, y, width, height):
        """A rectangle of it, cut where it leaves the picture; without a copy."""
        width, height = min(width, self.width - x), min(height, self.height - y)
        start = y * self._stride + x * self._bytes
        return Picture(width, height, memoryview(self._pixels)[start:], self._bytes, self._order,
                       self._stride)

    def row(self, y):
        """RGB bytes."""
        line = self._pixels[y * self._stride:y * self._stride + self.width * self._bytes]
        packed = bytearray(self.width * 3)
        for channel, place in enumerate(self._order):
            packed[channel::3] = line[place::self._bytes]
        return bytes(packed)

    def colours(self):
        """How many pixels have each colour: {(red, green, blue): count}."""
        counts = {}
        known = {}
        for y in range(self.height):
            row = self.row(y)
            if row not in known:
                line = {}
                for x in range(0, len(row), 3):
                    line[row[x:x + 3]] = line.get(row[x:x + 3], 0) + 1
                known = {row: line}
            for colour, count in known[row].items():
                counts[tuple(colour)] = counts.get(tuple(colour), 0) + count
        return counts

    def save(self, path):
        """As a PNG file."""
        rows = b"".join(b"\0" + self.row(y) for y in range(self.height))

        def chunk(kind, data):
            body = kind + data
            return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" +
                       chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)) +
                       chunk(b"IDAT", zlib.compress(rows, 3)) + chunk(b"IEND", b""))


def _unfilter(kind, line, before, bytes_each):
    """PNG's filters (section 9.2), in place."""
    if kind == 1:
        for i in range(bytes_each, len(line)):
            line[i] = (line[i] + line[i - bytes_each]) & 255
    elif kind == 2:
        for i, above in enumerate(before):
            line[i] = (line[i] + above) & 255
    elif kind in (3, 4):
        for i, above in enumerate(before):
            left = line[i - bytes_each] if i >= bytes_each else 0
            if kind == 3:
                guess = (left + above) // 2
            else:
                corner = before[i - bytes_each] if i >= bytes_each else 0
                sides = (abs(above - corner), abs(left - corner), abs(left + above - 2 * corner))
                guess = (left, above, corner)[sides.index(min(sides))]
            line[i] = (line[i] + guess) & 255
    elif kind:
        raise Error("a PNG file with filter %d" % kind)


def read_png(data):
    """A PNG file of eight bits, RGB or RGBA, not interlaced."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise Error("not a PNG file")
    at, packed, head = 8, b"", None
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if zlib.crc32(kind + body) != struct.unpack_from(">I", data, at + 8 + length)[0]:
            raise Error("a PNG file with a wrong checksum")
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    if not head or head[2] != 8 or head[3] not in (2, 6) or head[6]:
        raise Error("a PNG file of another kind: %r" % (head,))
    width, height, bytes_each = head[0], head[1], 3 if head[3] == 2 else 4
    rows, before = zlib.decompress(packed), bytearray(width * bytes_each)
    pixels = bytearray()
    step = 1 + width * bytes_each
    if len(rows) != step * height:
        raise Error("a PNG file of %d bytes, not %d" % (len(rows), step * height))
    for y in range(height):
        line = bytearray(rows[y * step + 1:(y + 1) * step])
        _unfilter(rows[y * step], line, before, bytes_each)
        pixels += line
        before = line
    return Picture(width, height, pixels, bytes_each, (0, 1, 2))
