# SPDX-License-Identifier: LGPL-2.1-or-later
"""Appends numbered lines to files of a folder, each synced, and says on standard output which are.

usage: writer.py FOLDER SECONDS
What fails is tried again with the file opened anew, so the folder may come and go.
"""

import os
import sys
import time


def write(path, number):
    """One line more, on disk when this returns."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, b"%08d\n" % number)
        os.fsync(file)
    finally:
        os.close(file)


def main():
    """Writes until the time is over."""
    folder, end = sys.argv[1], time.monotonic() + float(sys.argv[2])
    number = failures = 0
    while time.monotonic() < end:
        try:
            write(os.path.join(folder, f"log{number % 7}"), number)
        except OSError as error:
            print(f"{number}: {error}", file=sys.stderr)
            failures += 1
            number += 1
            time.sleep(0.01)
            continue
        print(number, flush=True)
        number += 1
    print(f"{failures} failed", file=sys.stderr)


main()
