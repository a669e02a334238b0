/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keyboard_internal - what the files of the keyboard share; nobody else includes this */
#ifndef LODGE_SCREEN_KEYBOARD_INTERNAL_H
#define LODGE_SCREEN_KEYBOARD_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* A letter with a mark as the keysym of the dead key and the letter ('^' on its own: the dead key
 * and a space). false: it is none, or is not known. */
bool keyboard_decompose(uint32_t character, uint32_t *dead, uint32_t *base);

#endif
