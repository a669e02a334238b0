/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JPEG, for what Tight sends by it. Viewers ask for a quality of 0 to 9, or of 1 to 100 and a
 * subsampling of colours; what the ten stand for is what other servers take them for.
 */
#include "host/screen/rfb/encoder.h"

#include "host/screen/rfb/chroma.h"

#include <errno.h>
#include <turbojpeg.h>

/* Above, each pixel's colour is kept however little it differs. */
#define SHARING_MAX 95

static const struct {
	int quality, subsampling;
} qualities[10] = {
	{15, TJSAMP_420}, {29, TJSAMP_420}, {41, TJSAMP_420}, {42, TJSAMP_422}, {62, TJSAMP_422},
	{77, TJSAMP_422}, {79, TJSAMP_444}, {86, TJSAMP_444}, {92, TJSAMP_444}, {100, TJSAMP_444},
};

/* By the number in JPEG's subsampling pseudo-encoding. */
static const int subsamplings[4] = {TJSAMP_444, TJSAMP_420, TJSAMP_422, TJSAMP_GRAY};

/* Where it suits: a third of the work is spared. A finer scale makes good for what is lost. */
static void share_colours(const struct piece *piece, int *quality, int *subsampling)
{
	unsigned int change = chroma_change(piece);

	if (change == CHROMA_SHARP)
		return;
	*subsampling = TJSAMP_420;
	*quality += ((100 - *quality) * (int)MIN(change, 24U) + 32) / 64;
}

int jpeg_append(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	int quality = 77, subsampling = TJSAMP_422;
	int width = (int)piece->place.width, height = (int)piece->place.height;
	unsigned long length;
	uint8_t *room;

	if (encoder->quality >= 0) {
		quality = qualities[encoder->quality].quality;
		subsampling = qualities[encoder->quality].subsampling;
	}
	if (encoder->jpeg_quality >= 0)
		quality = MAX(encoder->jpeg_quality, 1);
	if (encoder->jpeg_subsample >= 0)
		subsampling = subsamplings[encoder->jpeg_subsample];
	else if (subsampling == TJSAMP_444 && quality <= SHARING_MAX)
		share_colours(piece, &quality, &subsampling);
	if (!encoder->jpeg)
		encoder->jpeg = tjInitCompress();
	if (!encoder->jpeg)
		return -ENOMEM;
	length = tjBufSize(width, height, subsampling);
	room = wire_room(out, length);
	if (!room)
		return -ENOMEM;
	/* The accurate DCT is the faster one of the two, where there is a vector unit. */
	if (tjCompress2(encoder->jpeg, piece->pixels, width, (int)piece->stride, height, TJPF_BGRX,
			&room, &length, subsampling, quality,
			TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT) < 0)
		return -EIO;
	wire_filled(out, length);
	return 0;
}
