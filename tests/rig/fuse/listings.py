#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a folder that is opened in a mount shows at once what the folder behind it has.

    listings.py PLAIN MOUNT SECONDS SEED [READERS]

PLAIN is changed, and MOUNT, which is it, too, at random; after each few changes both are listed, while
READERS (3) others list MOUNT all the time and bring what was there before. Exit status 1: a listing was
wrong."""

import os
import random
import sys
import threading
import time

FILES = 300


def change(plain, mount):
    """One name more, less, or another; by somebody else, or by the mount itself."""
    what = random.random()
    name = f"{plain}/a{random.randrange(FILES)}"
    if what < 0.4:
        if os.path.exists(name):
            os.unlink(name)
        else:
            open(name, "w", encoding="ascii").close()
    elif what < 0.7:
        other = f"{plain}/b{random.randrange(50)}"
        if os.path.exists(name):
            os.rename(name, other)
        elif os.path.exists(other):
            os.rename(other, name)
    else:
        name = f"{mount}/c{random.randrange(20)}"
        try:
            os.unlink(name)
        except FileNotFoundError:
            open(name, "w", encoding="ascii").close()


def read_on(mount, stop):
    while not stop.is_set():
        os.listdir(mount)
        time.sleep(random.random() * 0.03)


def main():
    plain, mount = sys.argv[1] + "/listed", sys.argv[2] + "/listed"
    end = time.monotonic() + float(sys.argv[3])
    random.seed(int(sys.argv[4]))
    readers = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    os.mkdir(plain)
    for i in range(FILES):
        open(f"{plain}/a{i}", "w", encoding="ascii").close()
    stop = threading.Event()
    threads = [threading.Thread(target=read_on, args=(mount, stop)) for _ in range(readers)]
    for thread in threads:
        thread.start()
    listings = wrong = 0
    while time.monotonic() < end:
        for _ in range(random.choice((1, 1, 2, 5))):
            change(plain, mount)
        for _ in range(random.choice((1, 1, 2, 4))):
            differ = set(os.listdir(plain)) ^ set(os.listdir(mount))
            listings += 1
            wrong += bool(differ)
            if differ and wrong < 5:
                print("not in both:", sorted(differ))
            # Around the time for which a folder that has just changed is not kept.
            if random.random() < 0.5:
                time.sleep(random.random() * 0.06)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"{listings} listings, {wrong} wrong")
    return wrong > 0 or listings == 0


if __name__ == "__main__":
    sys.exit(main())
