/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/forward.h"

#include "protocol/base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define MAX_TEXT 128

static int parse_port(const char *text, uint16_t *port)
{
	uint64_t value;
	int result = parse_u64(text, 1, UINT16_MAX, &value);

	if (result == 0)
		*port = (uint16_t)value;
	return result < 0 ? -EINVAL : 0;
}

/* Cut the part behind the last colon off. Return: it; NULL if there is no colon. */
static char *cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon)
		*colon++ = '\0';
	return colon;
}

int forward_parse(const char *text, struct forward *forward)
{
	struct forward parsed = {.host_address.s_addr = htonl(INADDR_LOOPBACK)};
	char copy[MAX_TEXT];
	const char *guest, *host;

	if (strncmp(text, "tcp:", 4) == 0 || strncmp(text, "udp:", 4) == 0) {
		parsed.udp = text[0] == 'u';
		text += 4;
	}
	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	guest = cut_last(copy);
	if (!guest || parse_port(guest, &parsed.guest_port) < 0)
		return -EINVAL;
	host = cut_last(copy);
	if (parse_port(host ? host : copy, &parsed.host_port) < 0)
		return -EINVAL;
	if (host && strchr(copy, ':'))
		return -EAFNOSUPPORT;
	if (host && inet_pton(AF_INET, copy, &parsed.host_address) != 1)
		return -EINVAL;
	*forward = parsed;
	return 0;
}
