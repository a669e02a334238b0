/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pictures - what encoders are tried on: few colours, many, text-like, noise
 */
#ifndef LODGE_TEST_RFB_PICTURES_H
#define LODGE_TEST_RFB_PICTURES_H

#include <stddef.h>
#include <stdint.h>

#define PICTURES 7

/* Pixels of the desktop's kind, the fourth byte garbage; *@stride in bytes. Of malloc(). */
uint8_t *picture_make(unsigned int which, uint32_t width, uint32_t height, size_t *stride);

#endif
