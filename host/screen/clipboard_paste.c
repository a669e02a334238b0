/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/clipboard_paste.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct clipboard_paste {
	struct clipboard_pastes *all;
	struct clipboard_paste *next;
	struct stream *stream;
	uint64_t what;
	bool answered;
	uint8_t *bytes;
	size_t length, sent;
};

static void paste_free(struct clipboard_paste *paste)
{
	struct clipboard_paste **place = &paste->all->first;

	while (*place != paste)
		place = &(*place)->next;
	*place = paste->next;
	free(paste->bytes);
	free(paste);
}

static void fail(struct clipboard_paste *paste, int error)
{
	struct stream *stream = paste->stream;

	paste_free(paste);
	stream_fail(stream, error, NULL);
}

static void send_more(struct clipboard_paste *paste)
{
	struct stream *stream = paste->stream;
	ssize_t taken = 0;

	while (paste->sent < paste->length) {
		taken = stream_send(stream, 1, paste->bytes + paste->sent,
				    paste->length - paste->sent);
		if (taken <= 0)
			break;
		paste->sent += (size_t)taken;
	}
	if (taken < 0) {
		fail(paste, (int)taken);
	} else if (paste->sent == paste->length) {
		paste_free(paste);
		stream_end(stream, 1);
		stream_reply(stream, (struct slice){0});
	}
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct clipboard_paste *paste = owner;

	(void)stream;
	(void)bytes;
	if (channel == 1 && paste->answered)
		send_more(paste);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	fail(owner, ECANCELED);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	paste_free(owner);
}

static const struct stream_handlers handlers = {
	.credit = on_credit,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

bool clipboard_paste_wait(struct clipboard_pastes *pastes, struct stream *stream, uint64_t what)
{
	struct clipboard_paste *paste;
	unsigned int count = 0;
	bool asked = false;

	for (paste = pastes->first; paste; paste = paste->next) {
		count++;
		asked |= !paste->answered && paste->what == what;
	}
	paste = count < CLIPBOARD_MAX_PASTES ? calloc(1, sizeof(*paste)) : NULL;
	if (!paste) {
		stream_fail(stream, EAGAIN, NULL);
		return false;
	}
	paste->all = pastes;
	paste->next = pastes->first;
	paste->stream = stream;
	paste->what = what;
	pastes->first = paste;
	stream_set_handlers(stream, &handlers, paste);
	return !asked;
}

bool clipboard_paste_any(const struct clipboard_pastes *pastes)
{
	return pastes->first != NULL;
}

static void answer(struct clipboard_paste *paste, int error, const void *bytes, size_t length)
{
	paste->bytes = error ? NULL : malloc(length + 1);
	if (!paste->bytes) {
		fail(paste, error ? error : ENOMEM);
		return;
	}
	if (length)
		memcpy(paste->bytes, bytes, length);
	paste->length = length;
	paste->answered = true;
	send_more(paste);
}

void clipboard_paste_answer(struct clipboard_pastes *pastes, uint64_t what, uint64_t mask,
			    int error, const void *bytes, size_t length)
{
	struct clipboard_paste *paste = pastes->first, *next;

	for (; paste; paste = next) {
		next = paste->next;
		if (!paste->answered && ((paste->what ^ what) & mask) == 0)
			answer(paste, error, bytes, length);
	}
}
