/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: protocol base
/*
 * Layouts of a peer: what is accepted is in bounds, and comes back the same when it is said again.
 */
#include "protocol/head_list.h"

#include <stdlib.h>

static void check_bounds(const struct head_list *list)
{
	if (list->count > DISPLAY_MAX_HEADS)
		abort();
	for (size_t i = 0; i < list->count; i++) {
		const struct head *head = &list->heads[i];

		if (head->head >= DISPLAY_MAX_HEADS || head->width > HEAD_MAX_SIDE ||
		    head->height > HEAD_MAX_SIDE || head->x > HEAD_MAX_POSITION ||
		    head->x < -HEAD_MAX_POSITION || head->y > HEAD_MAX_POSITION ||
		    head->y < -HEAD_MAX_POSITION || head_list_find(list, head->head) != head)
			abort();
		if (head_of_connector(head->connector, 3) >= DISPLAY_MAX_HEADS)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct display_layout none;
	uint8_t bytes[HEAD_LIST_BYTES + 512];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct head_list list, again;
	struct display_layout layout;

	if (head_list_decode((struct slice){data, size}, &list, &layout) < 0)
		return 0;
	check_bounds(&list);
	head_list_encode(&list, &none, &writer);
	if (writer.overflow || head_list_decode(cbor_written(&writer), &again, NULL) < 0 ||
	    !head_list_equal(&list, &again) || list.serial != again.serial)
		abort();
	return 0;
}
