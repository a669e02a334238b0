/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A head is read once it is there as a whole: its end is looked for first, so that a peer who sends
 * byte by byte costs no more than that. Then line by line, each field into its place.
 */
#include "host/http/http.h"

#include "protocol/base/bytes.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

/* What is in no field of struct http_request. */
struct head {
	struct slice content_length, transfer_encoding, expect;
	bool close, keep_alive, connection_upgrade, upgrade_websocket;
};

bool http_is(struct slice text, const char *other)
{
	return text.length == strlen(other) &&
	       (text.length == 0 || strncasecmp((const char *)text.bytes, other, text.length) == 0);
}

static struct slice cut(struct slice text, size_t from, size_t to)
{
	return (struct slice){text.bytes + from, to - from};
}

/* Without white space at either end (RFC 9110, section 5.6.3: spaces and tabs). */
static struct slice trim(struct slice text)
{
	while (text.length && (text.bytes[0] == ' ' || text.bytes[0] == '\t'))
		text = cut(text, 1, text.length);
	while (text.length &&
	       (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t'))
		text.length--;
	return text;
}

bool http_each(struct slice list, bool (*item)(void *owner, struct slice item), void *owner)
{
	size_t start = 0;

	for (size_t i = 0; i <= list.length; i++) {
		struct slice found;

		if (i < list.length && list.bytes[i] != ',')
			continue;
		if (i > start) {
			found = trim(cut(list, start, i));
			if (found.length && item(owner, found))
				return true;
		}
		start = i + 1;
	}
	return false;
}

/* Section 5.6.2. */
static bool is_token(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		uint8_t byte = text.bytes[i];

		if (byte >= 0x7f || byte <= ' ' || strchr("\"(),/:;<=>?@[\\]{}", byte))
			return false;
	}
	return text.length > 0;
}

/* Section 5.5: no control characters but tabs. */
static bool is_value(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		if ((text.bytes[i] < ' ' && text.bytes[i] != '\t') || text.bytes[i] == 0x7f)
			return false;
	}
	return true;
}

/* --- The first line --------------------------------------------------------------------------- */

static int parse_method(struct slice text, enum http_method *method)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",
		[HTTP_HEAD] = "HEAD",
		[HTTP_POST] = "POST",
	};

	if (!is_token(text))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (slice_is(text, names[i])) {
			*method = (enum http_method)i;
			return 0;
		}
	}
	return -EOPNOTSUPP;
}

static int parse_target(struct slice text, struct http_request *request)
{
	const uint8_t *query;

	if (text.length > HTTP_MAX_TARGET)
		return -ENAMETOOLONG;
	if (text.length == 0 || text.bytes[0] != '/')
		return -EBADMSG;
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] <= ' ' || text.bytes[i] >= 0x7f || text.bytes[i] == '#')
			return -EBADMSG;
	}
	query = memchr(text.bytes, '?', text.length);
	request->path = query ? cut(text, 0, (size_t)(query - text.bytes)) : text;
	return 0;
}

static int parse_version(struct slice text, struct http_request *request)
{
	if (text.length != 8 || memcmp(text.bytes, "HTTP/", 5) != 0 || !isdigit(text.bytes[5]) ||
	    text.bytes[6] != '.' || !isdigit(text.bytes[7]))
		return -EBADMSG;
	if (text.bytes[5] != '1')
		return -EPROTONOSUPPORT;
	request->old = text.bytes[7] == '0';
	return 0;
}

static int parse_request_line(struct slice line, struct http_request *request)
{
	const uint8_t *first = memchr(line.bytes, ' ', line.length);
	const uint8_t *last = memrchr(line.bytes, ' ', line.length);
	int result;

	if (!first || first == last)
		return -EBADMSG;
	result = parse_version(cut(line, (size_t)(last + 1 - line.bytes), line.length), request);
	if (result == 0)
		result = parse_method(cut(line, 0, (size_t)(first - line.bytes)), &request->method);
	if (result == 0)
		result = parse_target(
			cut(line, (size_t)(first + 1 - line.bytes), (size_t)(last - line.bytes)),
			request);
	return result;
}

/* --- Fields ----------------------------------------------------------------------------------- */

static bool on_connection(void *owner, struct slice item)
{
	struct head *head = owner;

	head->close |= http_is(item, "close");
	head->keep_alive |= http_is(item, "keep-alive");
	head->connection_upgrade |= http_is(item, "upgrade");
	return false;
}

static bool on_upgrade(void *owner, struct slice item)
{
	struct head *head = owner;

	head->upgrade_websocket |= http_is(item, "websocket");
	return false;
}

/* May be there once. */
static int take(struct slice *place, struct slice value)
{
	if (place->bytes)
		return -EBADMSG;
	*place = value;
	return 0;
}

static int take_field(struct slice name, struct slice value, struct http_request *request,
		      struct head *head)
{
	const struct {
		const char *name;
		struct slice *place;
	} single[] = {
		{"host", &request->host},
		{"origin", &request->origin},
		{"cookie", &request->cookie},
		{"sec-fetch-site", &request->fetch_site},
		{"sec-websocket-key", &request->websocket_key},
		{"sec-websocket-version", &request->websocket_version},
		{"sec-websocket-protocol", &request->websocket_protocol},
		{"content-length", &head->content_length},
		{"transfer-encoding", &head->transfer_encoding},
		{"expect", &head->expect},
	};

	for (size_t i = 0; i < ARRAY_SIZE(single); i++) {
		if (http_is(name, single[i].name))
			return take(single[i].place, value);
	}
	if (http_is(name, "connection"))
		http_each(value, on_connection, head);
	else if (http_is(name, "upgrade"))
		http_each(value, on_upgrade, head);
	return 0;
}

static int parse_field(struct slice line, struct http_request *request, struct head *head)
{
	const uint8_t *colon = memchr(line.bytes, ':', line.length);
	struct slice name, value;

	if (!colon)
		return -EBADMSG;
	name = cut(line, 0, (size_t)(colon - line.bytes));
	value = trim(cut(line, name.length + 1, line.length));
	if (!is_token(name) || !is_value(value))
		return -EBADMSG;
	return take_field(name, value, request, head);
}

/* Up to CR LF, which there is. */
static struct slice next_line(struct slice *rest)
{
	const uint8_t *end = memmem(rest->bytes, rest->length, "\r\n", 2);
	struct slice line;

	assert(end);
	line = cut(*rest, 0, (size_t)(end - rest->bytes));
	*rest = cut(*rest, line.length + 2, rest->length);
	return line;
}

static int parse_length(struct slice text, size_t *length)
{
	*length = 0;
	if (!text.bytes)
		return 0;
	if (text.length == 0)
		return -EBADMSG;
	for (size_t i = 0; i < text.length; i++) {
		if (!isdigit(text.bytes[i]))
			return -EBADMSG;
		*length = *length * 10 + (size_t)(text.bytes[i] - '0');
		if (*length > HTTP_MAX_BODY)
			return -EFBIG;
	}
	return 0;
}

static int parse_head(struct slice rest, struct http_request *request, size_t *body_length)
{
	struct head head = {0};
	int result = parse_request_line(next_line(&rest), request);

	while (result == 0 && rest.length > 2)
		result = parse_field(next_line(&rest), request, &head);
	if (result < 0)
		return result;
	if (!request->old && request->host.length == 0)
		return -EBADMSG;
	if (head.transfer_encoding.bytes)
		return -EOPNOTSUPP;
	if (head.expect.bytes)
		return -EREMOTEIO;
	request->keep_alive = !request->old && !head.close;
	request->upgrade = !request->old && head.connection_upgrade && head.upgrade_websocket;
	return parse_length(head.content_length, body_length);
}

int http_parse(const uint8_t *bytes, size_t length, struct http_request *request, size_t *used)
{
	size_t skipped = 0, head_length, body_length;
	const uint8_t *end;
	int result;

	*request = (struct http_request){0};
	/* One empty line before a request is forgiven (RFC 9112, section 2.2). */
	if (length >= 2 && memcmp(bytes, "\r\n", 2) == 0)
		skipped = 2;
	bytes += skipped;
	length -= skipped;
	end = memmem(bytes, MIN(length, HTTP_MAX_HEAD), "\r\n\r\n", 4);
	if (!end)
		return length < HTTP_MAX_HEAD ? -EAGAIN : -EMSGSIZE;
	head_length = (size_t)(end - bytes) + 4;
	result = parse_head((struct slice){bytes, head_length}, request, &body_length);
	if (result < 0)
		return result;
	if (length - head_length < body_length)
		return -EAGAIN;
	request->body = (struct slice){bytes + head_length, body_length};
	*used = skipped + head_length + body_length;
	return 0;
}

/* --- Answers ---------------------------------------------------------------------------------- */

unsigned int http_status(int error)
{
	switch (error) {
	case -EFBIG:
		return 413;
	case -ENAMETOOLONG:
		return 414;
	case -EREMOTEIO:
		return 417;
	case -EMSGSIZE:
		return 431;
	case -EOPNOTSUPP:
		return 501;
	case -EPROTONOSUPPORT:
		return 505;
	default:
		return 400;
	}
}

const char *http_reason(unsigned int status)
{
	static const struct {
		unsigned int status;
		const char *reason;
	} reasons[] = {
		{101, "Switching Protocols"},
		{200, "OK"},
		{204, "No Content"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{426, "Upgrade Required"},
		{431, "Request Header Fields Too Large"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Error";
}

size_t http_head(const struct http_answer *answer, char head[HTTP_HEAD_SIZE])
{
	char body[160] = "";
	int length;

	if (answer->type)
		snprintf(body, sizeof(body), "Content-Type: %s\r\nContent-Length: %zu\r\n",
			 answer->type, answer->length);
	/* Scripts and styles are files of ours; noVNC draws JPEG and cursors by data: addresses. */
	length = snprintf(
		head, HTTP_HEAD_SIZE,
		"HTTP/1.1 %u %s\r\n"
		"%s"
		"%s"
		"%s"
		"Cache-Control: no-store\r\n"
		"Content-Security-Policy: default-src 'none'; script-src 'self'; "
		"style-src 'self'; img-src 'self' data:; connect-src 'self' %s; base-uri 'none'; "
		"form-action 'none'; frame-ancestors 'none'\r\n"
		"Cross-Origin-Opener-Policy: same-origin\r\n"
		"Cross-Origin-Resource-Policy: same-origin\r\n"
		"Referrer-Policy: no-referrer\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"X-Frame-Options: DENY\r\n"
		"\r\n",
		answer->status, http_reason(answer->status), body, answer->more ? answer->more : "",
		answer->status == 101 ? ""
		: answer->keep_alive  ? "Connection: keep-alive\r\n"
				      : "Connection: close\r\n",
		answer->socket ? answer->socket : "");
	assert(length > 0 && length < HTTP_HEAD_SIZE);
	return (size_t)length;
}
