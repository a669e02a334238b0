/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a target's input says, taken from its beginning; beyond its end there are zeros. */
#ifndef LODGE_FUZZ_INPUT_H
#define LODGE_FUZZ_INPUT_H

#include "protocol/base/bytes.h"
#include "protocol/cbor.h"

/* The next @count bytes (8 at most), the first the highest. */
static inline uint64_t input_take(struct slice *input, size_t count)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count && input->length > 0; i++, input->length--)
		value = value << 8 | *input->bytes++;
	return value;
}

static inline uint8_t input_byte(struct slice *input)
{
	return (uint8_t)input_take(input, 1);
}

/* A byte says how many; there may be fewer. They stay where they are, in the input. */
static inline struct slice input_slice(struct slice *input)
{
	const size_t length = input_byte(input);
	const struct slice some = {input->bytes, MIN(length, input->length)};

	input->bytes += some.length;
	input->length -= some.length;
	return some;
}

#endif
