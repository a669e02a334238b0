/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console - the kernel's text console on a screen (console_ioctl(4))
 *
 * Its frame buffer keeps the size that it had at boot: on a smaller screen a part of it is seen, on
 * a larger one it fills a corner. What is written there fits when the consoles are told to have
 * fewer rows and columns.
 */
#ifndef LODGE_DRIVERS_DISPLAY_CONSOLE_H
#define LODGE_DRIVERS_DISPLAY_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* Does this system have virtual terminals? */
bool console_exists(void);

/* Does the console that is in front show text (and no compositor)? */
bool console_is_shown(void);

/* The frame buffer's size in pixels, from sysfs. 0; -ENODEV without one; -EBADMSG. */
int console_frame_buffer(uint32_t *width, uint32_t *height);

/* "1280,800", as the kernel writes a size. 0 or -EBADMSG. */
int console_parse_size(const char *text, uint32_t *width, uint32_t *height);

/**
 * console_grid() - how much text fits
 * @width:	of what is seen, pixels
 * @font_width:	of a character, pixels; not 0
 *
 * At least one row and one column.
 */
struct winsize console_grid(uint32_t width, uint32_t height, unsigned int font_width,
			    unsigned int font_height);

/**
 * console_fit() - give all text consoles that are in use the rows and columns that fit
 * @width:	of the screen, pixels; the frame buffer's counts where it is smaller
 *
 * A console that has them already is left alone. Each is measured by its own font.
 *
 * Return: 0; negative errno where there is no console.
 */
int console_fit(uint32_t width, uint32_t height);

#endif
