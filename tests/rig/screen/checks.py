# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is checked, told a line each and counted; and waiting for what is to come."""
import time


class Checks:
    def __init__(self, name="", tells=False):
        """name: stands before what is checked. tells: the detail also of what is right."""
        self.prefix = name + ": " if name else ""
        self.tells = tells
        self.passed = self.failed = 0

    def __call__(self, what, right, detail=""):
        if right:
            self.passed += 1
            print("ok    %s%s%s" % (self.prefix, what, ", %s" % (detail,) if self.tells and detail else ""), flush=True)
        else:
            self.failed += 1
            print("FAIL  %s%s: %s" % (self.prefix, what, detail), flush=True)
        return right


def wait(condition, seconds, pause=0.02):
    """What condition() gives in the end: something true, or after so many seconds what it gave last."""
    deadline = time.monotonic() + seconds
    while True:
        got = condition()
        if got or time.monotonic() > deadline:
            return got
        time.sleep(pause)
