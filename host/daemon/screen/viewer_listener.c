/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/screen/viewer_listener.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BACKLOG 16

/* --- Words ---------------------------------------------------------------------------------- */

static const char *const tls_words[] = {
	[LISTENER_TLS_NO] = "no",
	[LISTENER_TLS_OPTIONAL] = "optional",
	[LISTENER_TLS_REQUIRED] = "required",
};

int listener_tls_parse(const char *text, enum listener_tls *tls)
{
	for (size_t i = 0; i < ARRAY_SIZE(tls_words); i++) {
		if (strcmp(tls_words[i], text) == 0) {
			*tls = (enum listener_tls)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool listener_id_is_valid(const char *id)
{
	size_t length = strlen(id);

	return length > 0 && length <= LISTENER_ID_MAX && id[0] != '.' &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			  "0123456789-_.") == length;
}

void make_secret(char *text, size_t length)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	enum { LETTERS = sizeof(letters) - 1, FAIR = 256 - 256 % LETTERS };
	uint8_t byte;

	while (length > 0) {
		if (getrandom(&byte, 1, 0) != 1 || byte >= FAIR)
			continue;
		*text++ = letters[byte % LETTERS];
		length--;
	}
	*text = '\0';
}

int listener_read_password(const char *path, char *password, size_t capacity)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[LISTENER_SECRET_MAX + 2];

	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file))
		return ferror(file) ? -errno : -EINVAL;
	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '\0' || strlen(line) >= capacity)
		return -EINVAL;
	for (const char *at = line; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return -EINVAL;
	}
	strcpy(password, line);
	return 0;
}

/* "NAME=FILE": true if it is that, and fits into @path of 256 bytes. */
static bool take_path(const char *word, const char *name, char path[256])
{
	size_t length = strlen(name);

	if (strncmp(word, name, length) != 0 || word[length] != '=' || !word[length + 1] ||
	    strlen(word + length + 1) >= 256)
		return false;
	strcpy(path, word + length + 1);
	return true;
}

static int parse_word(const char *word, struct listener_plan *plan, char *error, size_t capacity)
{
	if (strcmp(word, "view-only") == 0) {
		plan->view_only = true;
	} else if (strncmp(word, "tls=", 4) == 0) {
		if (listener_tls_parse(word + 4, &plan->tls) < 0) {
			snprintf(error, capacity,
				 "--vnc: tls=%.40s is not known: no, optional "
				 "or required",
				 word + 4);
			return -EINVAL;
		}
	} else if (!take_path(word, "password-file", plan->password_file) &&
		   !take_path(word, "tls-certificate", plan->certificate) &&
		   !take_path(word, "tls-key", plan->key)) {
		snprintf(error, capacity,
			 "--vnc: '%.60s' is not known (password-file=, tls=, tls-certificate=, "
			 "tls-key=, view-only)",
			 word);
		return -EINVAL;
	}
	return 0;
}

/* --- Addresses ------------------------------------------------------------------------------ */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un path;
	struct sockaddr_storage storage;
};

static int parse_port(const char *text, uint16_t *port)
{
	uint64_t number;

	if (parse_u64(text, 0, UINT16_MAX, &number) < 0)
		return -EINVAL;
	*port = htons((uint16_t)number);
	return 0;
}

static int parse_path(const char *text, union address *address, socklen_t *length)
{
	if (strlen(text) >= sizeof(address->path.sun_path))
		return -ENAMETOOLONG;
	address->path.sun_family = AF_UNIX;
	strcpy(address->path.sun_path, text);
	*length = sizeof(address->path);
	return 0;
}

static int parse_address(const char *text, union address *address, socklen_t *length)
{
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
	char host[LISTENER_ADDRESS] = "127.0.0.1";

	memset(address, 0, sizeof(*address));
	if (text[0] == '/')
		return parse_path(text, address, length);
	if (strlen(text) >= sizeof(host))
		return -EINVAL;
	if (colon && colon != text)
		snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		address->v6.sin6_family = AF_INET6;
		*length = sizeof(address->v6);
		if (inet_pton(AF_INET6, host + 1, &address->v6.sin6_addr) != 1)
			return -EINVAL;
		return parse_port(port, &address->v6.sin6_port);
	}
	address->v4.sin_family = AF_INET;
	*length = sizeof(address->v4);
	if (inet_pton(AF_INET, host, &address->v4.sin_addr) != 1)
		return -EINVAL;
	return parse_port(port, &address->v4.sin_port);
}

bool listener_address_is_local(const char *text)
{
	union address address;
	socklen_t length;

	if (parse_address(text, &address, &length) < 0)
		return false;
	if (address.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
	if (address.any.sa_family == AF_INET)
		return ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return address.any.sa_family == AF_UNIX;
}

int listener_plan_parse(const char *text, struct listener_plan *plan, char *error, size_t capacity)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *word = strsep(&rest, ",");
	union address address;
	socklen_t length;
	int r;

	*plan = (struct listener_plan){0};
	if (!copy)
		return -ENOMEM;
	if (word[0] == '/' || parse_address(word, &address, &length) < 0) {
		snprintf(error, capacity,
			 "--vnc: '%.60s' is no address: PORT, ADDRESS:PORT or [ADDRESS]:PORT, in "
			 "numbers",
			 word);
		return -EINVAL;
	}
	strcpy(plan->address, word);
	while ((word = strsep(&rest, ",")) != NULL) {
		r = parse_word(word, plan, error, capacity);
		if (r < 0)
			return r;
	}
	if (!plan->certificate[0] != !plan->key[0]) {
		snprintf(error, capacity, "--vnc: tls-certificate= and tls-key= go together");
		return -EINVAL;
	}
	if (!plan->password_file[0] && !listener_address_is_local(plan->address)) {
		snprintf(error, capacity,
			 "--vnc: %s can be reached from elsewhere; give password-file=FILE with it",
			 plan->address);
		return -EINVAL;
	}
	return 0;
}

/* --- Listening ------------------------------------------------------------------------------ */

static void say_address(int fd, char text[LISTENER_ADDRESS])
{
	union address address = {0};
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN] = "";

	getsockname(fd, &address.any, &length);
	if (address.any.sa_family == AF_UNIX) {
		snprintf(text, LISTENER_ADDRESS, "%s", address.path.sun_path);
	} else if (address.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof(host));
		snprintf(text, LISTENER_ADDRESS, "[%s]:%u", host, ntohs(address.v6.sin6_port));
	} else {
		inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof(host));
		snprintf(text, LISTENER_ADDRESS, "%s:%u", host, ntohs(address.v4.sin_port));
	}
}

int viewer_listener_open(const char *text, struct viewer_listener *listener)
{
	_cleanup_close_ int fd = -EBADF;
	union address address;
	socklen_t length;
	int one = 1, r;

	r = parse_address(text[0] ? text : "127.0.0.1:0", &address, &length);
	if (r < 0)
		return r;
	listener->is_path = address.any.sa_family == AF_UNIX;
	if (listener->is_path)
		unlink(address.path.sun_path);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &address.any, length) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	say_address(fd, listener->address);
	listener->fd = take_fd(&fd);
	return 0;
}

void viewer_listener_close(struct viewer_listener *listener)
{
	if (listener->fd < 0)
		return;
	close(listener->fd);
	listener->fd = -EBADF;
	if (listener->is_path)
		unlink(listener->address);
}

void viewer_listener_packet(const struct viewer_listener *listener, char *text, size_t capacity)
{
	FILE *file = fmemopen(text, capacity, "w");

	text[0] = '\0';
	if (!file)
		return;
	fprintf(file, "kind=%s-listener\nid=%s\n", listener->web ? "web" : "vnc", listener->key);
	if (listener->view_only)
		fputs("view_only=1\n", file);
	if (listener->secret[0])
		fprintf(file, "%s=%s\n", listener->web ? "token" : "password", listener->secret);
	if (listener->tls != LISTENER_TLS_NO)
		fprintf(file, "tls=%s\n", tls_words[listener->tls]);
	fclose(file);
}

const char *viewer_listener_url(const struct viewer_listener *listener, char url[LISTENER_URL_SIZE])
{
	const char *scheme = listener->tls == LISTENER_TLS_NO ? "http" : "https";

	if (listener->web)
		snprintf(url, LISTENER_URL_SIZE, "%s://%s/#%s", scheme, listener->address,
			 listener->secret);
	else
		snprintf(url, LISTENER_URL_SIZE, "%s", listener->address);
	return url;
}
