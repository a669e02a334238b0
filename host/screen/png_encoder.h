/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* png_encoder - a PNG, a few rows at a time (libpng) */
#ifndef LODGE_SCREEN_PNG_ENCODER_H
#define LODGE_SCREEN_PNG_ENCODER_H

#include <stddef.h>
#include <stdint.h>

struct png_encoder;

/* 8 bits a channel, no alpha. NULL without memory. */
struct png_encoder *png_encoder_new(uint32_t width, uint32_t height);
/* The next @rows rows, B G R X, @stride bytes apart; with the last the file is complete. 0;
 * -ENOMEM; -EINVAL: more than there are. */
int png_encoder_rows(struct png_encoder *encoder, const uint8_t *pixels, size_t stride,
		     uint32_t rows);
/* What has been encoded and not yet been taken. */
const uint8_t *png_encoder_output(const struct png_encoder *encoder, size_t *length);
void png_encoder_taken(struct png_encoder *encoder, size_t length);
void png_encoder_free(struct png_encoder *encoder);

#endif
