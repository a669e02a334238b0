/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * picture - the memory of a desktop: made anew when heads change, and kept as it was otherwise
 */
#ifndef LODGE_SCREEN_PICTURE_H
#define LODGE_SCREEN_PICTURE_H

#include "host/screen/desktop.h"

/**
 * picture_rearrange() - another arrangement
 * @desktop:	what is; becomes what shall be
 * @next:	width, height and heads that shall be (layout_arrange()); its pixels are not looked
 * at
 *
 * Heads that keep their size keep their pixels, wherever they go; the rest is black. The generation
 * grows.
 *
 * Return: whether anything changed; -ENOMEM: the desktop shows nothing now.
 */
int picture_rearrange(struct desktop *desktop, const struct desktop *next);

/* Gives the memory back; the desktop shows nothing. */
void picture_free(struct desktop *desktop);

#endif
