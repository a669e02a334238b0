/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* Packets that hand descriptors over: what is taken is of its kind, whole, and the same when read
 * again. */
#include "host/screen/handoff.h"

#include "protocol/base/bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const struct handoff *handoff)
{
	bool has_id = handoff->id[0] != '\0';

	if (strlen(handoff->id) >= sizeof(handoff->id) ||
	    strlen(handoff->password) > HANDOFF_MAX_VALUE ||
	    strlen(handoff->token) > HANDOFF_MAX_VALUE ||
	    strlen(handoff->peer) >= sizeof(handoff->peer))
		abort();
	if (handoff->kind > HANDOFF_CLOSE || handoff->tls > HANDOFF_TLS_REQUIRED)
		abort();
	if ((handoff->kind == HANDOFF_CLOSE && !has_id) ||
	    ((handoff->kind == HANDOFF_AGENT || handoff->kind == HANDOFF_QEMU ||
	      handoff->kind == HANDOFF_VNC_CLIENT || handoff->kind == HANDOFF_DBUS_CLIENT) &&
	     has_id) ||
	    ((handoff->kind == HANDOFF_WEB_LISTENER) != (handoff->token[0] != '\0')))
		abort();
}

static bool is_same(const struct handoff *a, const struct handoff *b)
{
	return a->kind == b->kind && a->view_only == b->view_only && a->tls == b->tls &&
	       strcmp(a->id, b->id) == 0 && strcmp(a->password, b->password) == 0 &&
	       strcmp(a->token, b->token) == 0 && strcmp(a->peer, b->peer) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct handoff once, again;
	const char *why;
	char *copy = malloc(size + 1);
	int result;

	memcpy(copy, bytes, size);
	result = handoff_parse(copy, size, &once, &why);
	if ((result == 0) != (why == NULL))
		abort();
	if (result == 0) {
		check(&once);
		if (handoff_parse(copy, size, &again, &why) < 0 || !is_same(&once, &again))
			abort();
	}
	free(copy);
	return 0;
}
