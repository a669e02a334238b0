# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is known of each desktop beforehand.

usage: desktops.py DESKTOP FACT
"""
import sys


class Desktop:
    def __init__(self, alone, heads_alone, bar=0, boot="1280x800", patience=20, start=240,
                 scales=False):
        # Follows a new preferred mode by itself: yes, no, or "crops": the mode does, while the picture
        # is cut off.
        self.alone = alone
        self.heads_alone = heads_alone  # takes a second head in and out by itself
        self.bar = bar  # rows at the top that a panel covers
        self.boot = boot  # the first head's size at boot
        self.scales = scales  # can show things twice as large
        self.start = start  # seconds until it is up, at most, on a busy machine
        self.patience = patience  # seconds for a new size, at most, on a busy machine


DESKTOPS = {
    # The console's frame buffer stays as large as it was at boot.
    "console": Desktop(alone="crops", heads_alone=False, boot="1920x1080"),
    "xorg": Desktop(alone=False, heads_alone=False),
    "xorg-spice": Desktop(alone=False, heads_alone=False),
    "xfce": Desktop(alone=False, heads_alone=False),
    "weston": Desktop(alone=False, heads_alone=True),
    "sway": Desktop(alone=False, heads_alone=True, scales=True),
    "sway-next": Desktop(alone=False, heads_alone=True, scales=True),
    "labwc": Desktop(alone=False, heads_alone=True),
    "gnome": Desktop(alone=True, heads_alone=True, bar=48, patience=30, start=400, scales=True),
    "kde": Desktop(alone=True, heads_alone=True),
}

if __name__ == "__main__":
    print(getattr(DESKTOPS[sys.argv[1]], sys.argv[2]))
