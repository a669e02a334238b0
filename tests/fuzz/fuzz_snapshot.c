/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: web http statistics sandbox arguments pump protocol base
/* Any bytes as a snapshot: JSON and metrics are text without control bytes, or it is refused. */
#include "host/web/render.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int point(struct slice snapshot, FILE *file)
{
	return render_point(snapshot, 1, file);
}

static void try_one(struct slice snapshot, int (*render)(struct slice snapshot, FILE *file),
		    bool lines)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);
	int result;

	if (!file)
		abort();
	result = render(snapshot, file);
	fclose(file);
	for (size_t i = 0; i < length; i++) {
		if ((uint8_t)text[i] < ' ' && !(lines && text[i] == '\n'))
			abort();
	}
	if (result > 0 || (result == 0 && length == 0))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct slice snapshot = {bytes, length};

	try_one(snapshot, point, false);
	try_one(snapshot, render_metrics, true);
	return 0;
}
