#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares a picture of a text console with its text.

usage: text_rows.py PICTURE WIDTH HEIGHT TEXT ROWS COLUMNS

PICTURE is raw (lodge screen --format raw), TEXT what the guest's /dev/vcs1 holds: ROWS times COLUMNS
characters without line ends. Letters are 8 by 16 pixels. A cell whose character shows something must
have lit pixels, a blank one none; one cell may differ, where the cursor blinks.
"""
import sys

CELL_WIDTH, CELL_HEIGHT = 8, 16
BLANK = b" \0"


def is_lit(picture, width, row, column):
    first = picture[(row * CELL_HEIGHT * width + column * CELL_WIDTH) * 4:][:3]
    background = b"\0\0\0"
    for y in range(row * CELL_HEIGHT, (row + 1) * CELL_HEIGHT):
        start = (y * width + column * CELL_WIDTH) * 4
        for x in range(CELL_WIDTH):
            pixel = picture[start + 4 * x : start + 4 * x + 3]
            if pixel != background or pixel != first:
                return True
    return False


def main():
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    width, height, rows, columns = (int(sys.argv[i]) for i in (2, 3, 5, 6))
    with open(sys.argv[1], "rb") as file:
        picture = file.read()
    with open(sys.argv[4], "rb") as file:
        text = file.read()
    if len(picture) != width * height * 4:
        sys.exit(f"the picture has {len(picture)} bytes, {width}x{height} should have {width * height * 4}")
    if len(text) != rows * columns:
        sys.exit(f"the text has {len(text)} characters, not {rows}x{columns}")
    if rows * CELL_HEIGHT > height or columns * CELL_WIDTH > width:
        sys.exit(f"{rows} rows of {columns} do not fit into {width}x{height}")
    shown = wrong = 0
    for row in range(rows):
        for column in range(columns):
            blank = text[row * columns + column] in BLANK
            shown += not blank
            if is_lit(picture, width, row, column) == blank:
                wrong += 1
    print(f"{shown} characters, {wrong} cells differ")
    sys.exit(shown == 0 or wrong > 1)


if __name__ == "__main__":
    main()
