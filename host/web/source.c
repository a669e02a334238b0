/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/source.h"

#include "host/statistics/channel.h"
#include "protocol/byte_queue.h"
#include "protocol/pump/pumped_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source {
	struct pumped_session *session;
	void (*gone)(void *owner);
	void *owner;
};

struct question {
	size_t max_bytes;
	bool too_much;
	struct byte_queue data;
	source_done done;
	void *owner;
};

/* --- Questions -------------------------------------------------------------------------------- */

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct question *question = owner;

	if (channel == WEB_DATA_CHANNEL && !question->too_much &&
	    (bytes.length > question->max_bytes - question->data.length ||
	     byte_queue_append(&question->data, bytes.bytes, bytes.length) < 0)) {
		question->too_much = true;
		stream_cancel(stream);
	}
	stream_consumed(stream, channel, bytes.length);
}

static void on_answer(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct question *question = owner;
	struct source_answer answer = {.error = result->error, .text = result->text};

	(void)stream;
	if (question->too_much)
		answer = (struct source_answer){.error = -EFBIG};
	if (answer.error == 0) {
		answer.reply = result->params;
		if (question->data.length)
			answer.data = (struct slice){byte_queue_front(&question->data),
						     question->data.length};
	}
	question->done(question->owner, &answer);
	byte_queue_clear(&question->data);
	free(question);
}

int source_ask(struct source *source, const char *method, struct slice params, size_t max_bytes,
	       source_done done, void *owner)
{
	static const struct stream_handlers handlers = {.data = on_data, .closed = on_answer};
	struct question *question = calloc(1, sizeof(*question));
	int result;

	if (!question)
		return -ENOMEM;
	*question = (struct question){.max_bytes = max_bytes, .done = done, .owner = owner};
	result = session_request(pumped_session_session(source->session), slice_of(method), params,
				 &handlers, question, NULL);
	if (result < 0)
		free(question);
	return result;
}

bool source_is_ready(const struct source *source)
{
	return session_is_established(pumped_session_session(source->session));
}

/* --- The session ------------------------------------------------------------------------------ */

static void on_closed(void *owner, int error)
{
	struct source *source = owner;

	(void)error;
	source->gone(source->owner);
}

int source_new(uv_loop_t *loop, int fd, void (*gone)(void *owner), void *owner,
	       struct source **source)
{
	static const struct pumped_session_handlers handlers = {.closed = on_closed};
	static const char *const capabilities[] = {NULL};
	struct source *made = calloc(1, sizeof(*made));
	const struct pumped_session_options options = {.loop = loop,
						       .role = SESSION_HOST,
						       .software = "lodge-web " LODGE_VERSION,
						       .capabilities = capabilities,
						       .handlers = &handlers,
						       .owner = made};
	int result;

	if (!made) {
		close(fd);
		return -ENOMEM;
	}
	*made = (struct source){.gone = gone, .owner = owner};
	result = pumped_session_new(&options, fd, &made->session);
	if (result < 0) {
		free(made);
		return result;
	}
	*source = made;
	return 0;
}

void source_free(struct source *source)
{
	if (!source)
		return;
	pumped_session_free(source->session);
	free(source);
}
