/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/gradient.h"

#include "host/screen/rfb/hot.h"

#define SAMPLE_ROWS 8U /* every so many rows one is looked at */

/* Flat areas, and letters before them, are as they were before: deflate knows what to do with those
 * by itself. Slow changes are those between neighbours that differ, and by little. */
HOT_LOOPS bool gradient_suits(const struct piece *piece)
{
	uint32_t same = 0, small = 0, total = 0;

	for (uint32_t y = SAMPLE_ROWS / 2; y < piece->place.height; y += SAMPLE_ROWS) {
		const uint8_t *row = piece->pixels + y * piece->stride;

		for (uint32_t x = 1; x < piece->place.width; x++) {
			/* Green is most of what is seen. */
			int change = row[x * 4 + 1] - row[x * 4 - 3];

			same += change == 0 && row[x * 4] == row[x * 4 - 4] &&
				row[x * 4 + 2] == row[x * 4 - 2];
			small += change > -16 && change < 16;
		}
		total += piece->place.width - 1;
	}
	return same < total / 4 && small - same > total / 2;
}

static uint8_t expected(int left, int above, int corner)
{
	int sum = left + above - corner;

	return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

HOT_LOOPS void gradient_row(uint8_t *restrict out, const uint8_t *restrict row,
			    const uint8_t *restrict above, size_t length)
{
	for (size_t i = 0; i < MIN(length, GRADIENT_PIXEL); i++)
		out[i] = (uint8_t)(row[i] - above[i]);
	for (size_t i = GRADIENT_PIXEL; i < length; i++)
		out[i] = (uint8_t)(row[i] - expected(row[i - GRADIENT_PIXEL], above[i],
						     above[i - GRADIENT_PIXEL]));
}
