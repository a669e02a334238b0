/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display_word - sizes and places as people write them
 */
#ifndef LODGE_CLI_DISPLAY_WORD_H
#define LODGE_CLI_DISPLAY_WORD_H

#include <stdint.h>

/**
 * display_word_mode() - "1920x1080", "1920x1080@2" or "@1.5"
 * @width, @height: 0 if only a scale is given
 * @scale_milli: thousandths, 0 if none is given
 *
 * Return: 0; -EINVAL.
 */
int display_word_mode(const char *text, uint64_t *width, uint64_t *height, uint64_t *scale_milli);

/* "+1920+0", "1920,0", "-100+20". -EINVAL. */
int display_word_place(const char *text, int64_t *x, int64_t *y);

/* "1", "1.5", "1.25" */
void display_word_scale(uint64_t scale_milli, char text[16]);

#endif
