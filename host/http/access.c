/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/http/access.h"

#include "protocol/base/bytes.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

/* --- Secrets ---------------------------------------------------------------------------------- */

static bool is_secret(struct slice given, const char *secret)
{
	return given.length == strlen(secret) &&
	       gnutls_memcmp(given.bytes, secret, given.length) == 0;
}

static bool is_good_token(const char *token)
{
	size_t length = strlen(token);

	if (length < ACCESS_MIN_TOKEN || length > ACCESS_MAX_TOKEN)
		return false;
	for (size_t i = 0; i < length; i++) {
		/* What needs no quotes in an address, nor in a list of subprotocols. */
		if (!isascii(token[i]) || (!isalnum(token[i]) && !strchr("-._~", token[i])))
			return false;
	}
	return true;
}

int access_init(struct access *access, const char *token, const char *host, unsigned int port)
{
	static const char purpose[] = "lodge-screen cookie";
	uint8_t digest[32];

	*access = (struct access){0};
	if (!token || !is_good_token(token))
		return -EINVAL;
	snprintf(access->token, sizeof(access->token), "%s", token);
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, token, strlen(token), purpose, strlen(purpose),
			     digest) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(access->cookie + 2 * i, 3, "%02x", digest[i]);
	snprintf(access->cookie_name, sizeof(access->cookie_name), "lodge-%u", port);
	if (host && *host) {
		access->host = strdup(host);
		if (!access->host)
			return -ENOMEM;
	}
	return 0;
}

void access_destroy(struct access *access)
{
	free(access->host);
	gnutls_memset(access, 0, sizeof(*access));
}

bool access_has_token(const struct access *access, struct slice token)
{
	return is_secret(token, access->token);
}

bool access_has_cookie(const struct access *access, struct slice cookies)
{
	size_t name = strlen(access->cookie_name), start = 0;

	for (size_t i = 0; i <= cookies.length; i++) {
		struct slice pair;

		if (i < cookies.length && cookies.bytes[i] != ';')
			continue;
		while (start < i && cookies.bytes[start] == ' ')
			start++;
		if (i > start) {
			pair = (struct slice){cookies.bytes + start, i - start};
			if (pair.length > name && pair.bytes[name] == '=' &&
			    memcmp(pair.bytes, access->cookie_name, name) == 0 &&
			    is_secret((struct slice){pair.bytes + name + 1, pair.length - name - 1},
				      access->cookie))
				return true;
		}
		start = i + 1;
	}
	return false;
}

struct offer {
	const struct access *access;
	bool token, binary;
};

static bool on_protocol(void *owner, struct slice item)
{
	const size_t prefix = strlen(ACCESS_PREFIX);
	struct offer *offer = owner;

	if (slice_is(item, "binary"))
		offer->binary = true;
	else if (item.length > prefix && memcmp(item.bytes, ACCESS_PREFIX, prefix) == 0)
		offer->token |= access_has_token(
			offer->access, (struct slice){item.bytes + prefix, item.length - prefix});
	return false;
}

bool access_has_protocol(const struct access *access, struct slice protocols, bool *binary)
{
	struct offer offer = {.access = access};

	http_each(protocols, on_protocol, &offer);
	*binary = offer.binary;
	return offer.token;
}

/* --- Places ----------------------------------------------------------------------------------- */

/* Without ":port", and without the brackets of an IPv6 address; false: it is no such thing. */
static bool take_name(struct slice host, char *name, size_t size)
{
	size_t end = 0, start = 0, port;

	if (host.length && host.bytes[0] == '[') {
		start = 1;
		while (end < host.length && host.bytes[end] != ']')
			end++;
		port = end + 1;
	} else {
		while (end < host.length && host.bytes[end] != ':')
			end++;
		port = end;
	}
	if (end <= start || end - start >= size || (start && end == host.length))
		return false;
	if (port < host.length && host.bytes[port] != ':')
		return false;
	for (size_t i = port + 1; i < host.length; i++) {
		if (!isdigit(host.bytes[i]))
			return false;
	}
	memcpy(name, host.bytes + start, end - start);
	name[end - start] = '\0';
	return memchr(name, '\0', end - start) == NULL;
}

/* Numbers are no names that somebody else could give another meaning. */
static bool is_our_address(const char *name, const char *local)
{
	struct in_addr v4, local_v4;
	struct in6_addr v6, local_v6;

	if (inet_pton(AF_INET, name, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127 ||
		       (inet_pton(AF_INET, local, &local_v4) == 1 && v4.s_addr == local_v4.s_addr);
	if (inet_pton(AF_INET6, name, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) || (inet_pton(AF_INET6, local, &local_v6) == 1 &&
						     IN6_ARE_ADDR_EQUAL(&v6, &local_v6));
	return false;
}

bool access_host_is_ours(const struct access *access, struct slice host, const char *local)
{
	char name[256];

	if (!take_name(host, name, sizeof(name)))
		return false;
	return strcasecmp(name, "localhost") == 0 ||
	       (access->host && strcasecmp(name, access->host) == 0) || is_our_address(name, local);
}

bool access_is_same_origin(const struct http_request *request, bool tls)
{
	const char *scheme = tls ? "https://" : "http://";
	size_t prefix = strlen(scheme);
	struct slice origin = request->origin;
	char host[320];

	/* Browsers tell the truth in both; others have to say the first only. */
	if (request->fetch_site.bytes && !slice_is(request->fetch_site, "same-origin"))
		return false;
	if (request->host.length == 0 || request->host.length >= sizeof(host) ||
	    origin.length != prefix + request->host.length ||
	    memcmp(origin.bytes, scheme, prefix) != 0)
		return false;
	memcpy(host, request->host.bytes, request->host.length);
	host[request->host.length] = '\0';
	return http_is((struct slice){origin.bytes + prefix, request->host.length}, host);
}
