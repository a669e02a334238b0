/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* Requests of anybody: what is made of one lies within it, and does not depend on how it came. */
#include "host/http/access.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_within(struct slice slice, const uint8_t *bytes, size_t length)
{
	if (slice.bytes && (slice.bytes < bytes || slice.bytes > bytes + length ||
			    slice.length > (size_t)(bytes + length - slice.bytes)))
		abort();
}

static void check_access(const struct http_request *request)
{
	struct access access;
	bool binary;

	if (access_init(&access, "0123456789abcdef", "vm.example", 1) < 0)
		abort();
	access_host_is_ours(&access, request->host, "192.0.2.1");
	access_is_same_origin(request, false);
	/* Nothing but the secrets themselves opens. */
	if (access_has_cookie(&access, request->cookie) &&
	    !memmem(request->cookie.bytes, request->cookie.length, access.cookie,
		    strlen(access.cookie)))
		abort();
	if (access_has_protocol(&access, request->websocket_protocol, &binary) &&
	    !memmem(request->websocket_protocol.bytes, request->websocket_protocol.length,
		    access.token, strlen(access.token)))
		abort();
	access_destroy(&access);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct http_request request, again;
	size_t used = 0, used_again = 0;
	int result = http_parse(bytes, size, &request, &used);

	if (result < 0) {
		if (result != -EAGAIN && http_status(result) < 400)
			abort();
		return 0;
	}
	if (used == 0 || used > size)
		abort();
	check_within(request.path, bytes, used);
	check_within(request.host, bytes, used);
	check_within(request.origin, bytes, used);
	check_within(request.cookie, bytes, used);
	check_within(request.body, bytes, used);
	if (request.path.length == 0 || request.path.bytes[0] != '/')
		abort();
	check_access(&request);
	if (http_parse(bytes, used - 1, &again, &used_again) != -EAGAIN)
		abort();
	if (http_parse(bytes, used, &again, &used_again) != 0 || used_again != used)
		abort();
	return 0;
}
