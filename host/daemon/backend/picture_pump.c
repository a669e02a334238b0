/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/picture_pump.h"

#include "host/screen/source/pictures.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORD	4U
#define HOLD_MS 20
/* The largest that there can be, and its header. */
#define MAX_BYTES (3ULL * SCREEN_MAX_SIZE * SCREEN_MAX_SIZE + 64)

struct pump {
	virDomainPtr domain;
	int fd;
	/* That there is no picture, that keys are not taken: not again until it went well. */
	bool told, told_keys;
	uint8_t chunk[WORD + PICTURES_MAX_CHUNK];
};

static bool send_all(const struct pump *pump, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(pump->fd, bytes, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

static bool send_word(const struct pump *pump, uint32_t word)
{
	uint8_t bytes[WORD];

	store_le32(bytes, word);
	return send_all(pump, bytes, sizeof(bytes));
}

static bool receive(const struct pump *pump, void *bytes, size_t length)
{
	ssize_t got;

	do {
		got = recv(pump->fd, bytes, length, MSG_WAITALL);
	} while (got < 0 && errno == EINTR);
	return got == (ssize_t)length;
}

/* --- Pictures --------------------------------------------------------------------------------- */

/* Return: 1: all of it; 0: libvirt had no more; -1: nobody listens. */
static int pass_on(struct pump *pump, virStreamPtr stream)
{
	uint64_t total = 0;
	int length;

	while ((length = virStreamRecv(stream, (char *)pump->chunk + WORD, PICTURES_MAX_CHUNK)) >
	       0) {
		total += (uint64_t)length;
		if (total > MAX_BYTES)
			return 0;
		store_le32(pump->chunk, (uint32_t)length);
		if (!send_all(pump, pump->chunk, WORD + (size_t)length))
			return -1;
	}
	return length == 0 && virStreamFinish(stream) == 0;
}

/* QEMU before 7.1 makes the first. */
static bool is_known(const char *format)
{
	return strcmp(format, "image/x-portable-pixmap") == 0 || strcmp(format, "image/png") == 0;
}

/* Whoever looks sees nothing then, so the log says why. @why: NULL: libvirt's words */
static void tell_failure(struct pump *pump, const char *why)
{
	if (!pump->told)
		log_warning("no picture of '%s': %s", virDomainGetName(pump->domain),
			    why ? why : virGetLastErrorMessage());
	pump->told = true;
}

/* false: it is over. */
static bool send_picture(struct pump *pump)
{
	virConnectPtr connect = virDomainGetConnect(pump->domain);
	virStreamPtr stream = virStreamNew(connect, 0);
	char *format = stream ? virDomainScreenshot(pump->domain, stream, 0, 0) : NULL;
	int result = 0;

	if (format && is_known(format))
		result = pass_on(pump, stream);
	if (result > 0)
		pump->told = false;
	else if (result == 0)
		tell_failure(pump,
			     format && !is_known(format) ? "of a kind that is not known" : NULL);
	if (format && result < 1)
		virStreamAbort(stream);
	free(format);
	if (stream)
		virStreamFree(stream);
	if (result < 0 || (result == 0 && virConnectIsAlive(connect) != 1))
		return false;
	return send_word(pump, result ? PICTURES_WHOLE : PICTURES_FAILED);
}

/* --- Keys ------------------------------------------------------------------------------------- */

static bool press_keys(struct pump *pump)
{
	uint8_t count, bytes[2 * PICTURES_MAX_KEYS];
	unsigned int codes[PICTURES_MAX_KEYS];
	int result;

	if (!receive(pump, &count, 1) || count == 0 || count > PICTURES_MAX_KEYS ||
	    !receive(pump, bytes, 2UL * count))
		return false;
	for (unsigned int i = 0; i < count; i++)
		codes[i] = load_le16(bytes + 2UL * i);
	result = virDomainSendKey(pump->domain, VIR_KEYCODE_SET_LINUX, HOLD_MS, codes, count, 0);
	if (result < 0 && !pump->told_keys)
		log_warning("no keys for '%s': %s", virDomainGetName(pump->domain),
			    virGetLastErrorMessage());
	pump->told_keys = result < 0;
	return true;
}

/* --- The thread ------------------------------------------------------------------------------- */

static void pump_free(struct pump *pump)
{
	virDomainFree(pump->domain);
	close(pump->fd);
	free(pump);
}

static void *run(void *opaque)
{
	struct pump *pump = opaque;
	bool goes_on = true;
	uint8_t wish;

	while (goes_on && receive(pump, &wish, 1))
		goes_on = wish == PICTURES_ASK	  ? send_picture(pump)
			  : wish == PICTURES_KEYS ? press_keys(pump)
						  : false;
	pump_free(pump);
	return NULL;
}

int picture_pump_new(virDomainPtr domain)
{
	_cleanup_close_ int far = -EBADF;
	struct pump *pump = calloc(1, sizeof(*pump));
	pthread_t thread;
	int pair[2], r;

	if (!pump || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		r = pump ? -errno : -ENOMEM;
		free(pump);
		return r;
	}
	far = pair[0];
	virDomainRef(domain);
	pump->domain = domain;
	pump->fd = pair[1];
	r = -pthread_create(&thread, NULL, run, pump);
	if (r < 0) {
		pump_free(pump);
		return r;
	}
	pthread_detach(thread);
	return take_fd(&far);
}
