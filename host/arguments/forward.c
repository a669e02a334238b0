/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/arguments/forward.h"

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

static int set_ipv4(struct forward *forward, const char *address, uint16_t port)
{
	forward->host.ipv4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	return inet_pton(AF_INET, address, &forward->host.ipv4.sin_addr) == 1 ? 0 : -EINVAL;
}

static int set_ipv6(struct forward *forward, const char *address, uint16_t port)
{
	forward->host.ipv6 =
		(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	return inet_pton(AF_INET6, address, &forward->host.ipv6.sin6_addr) == 1 ? 0 : -EINVAL;
}

static int set_host(struct forward *forward, char *address, uint16_t port)
{
	size_t length = strlen(address);

	if (address[0] != '[')
		return set_ipv4(forward, address, port);
	if (address[length - 1] != ']')
		return -EINVAL;
	address[length - 1] = '\0';
	return set_ipv6(forward, address + 1, port);
}

int forward_parse(const char *text, struct forward *forward)
{
	struct forward parsed = {0};
	char copy[MAX_TEXT];
	char *guest, *host;
	uint16_t port = 0;
	int result;

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
	if (parse_port(host ? host : copy, &port) < 0)
		return -EINVAL;
	result = host ? set_host(&parsed, copy, port) : set_ipv4(&parsed, "127.0.0.1", port);
	if (result == 0 && parsed.udp && parsed.host.any.sa_family == AF_INET6)
		return -EPROTONOSUPPORT;
	if (result == 0)
		*forward = parsed;
	return result;
}
