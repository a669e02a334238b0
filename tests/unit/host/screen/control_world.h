/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control_world - a screen with a control socket, and a client of it */
#ifndef LODGE_TEST_CONTROL_WORLD_H
#define LODGE_TEST_CONTROL_WORLD_H

#include "host/screen/capture.h"
#include "host/screen/clipboard.h"
#include "host/screen/control.h"
#include "host/screen/guest.h"
#include "host/screen/keyboard.h"
#include "host/screen/resize.h"
#include "host/screen/typing.h"
#include "protocol/display.h"
#include "tests/unit/host/screen/painted_source.h"
#include "tests/unit/played_end.h"

struct control_world {
	uv_loop_t loop;
	struct control_services services;
	struct control *control;
	struct keyboard *keyboard;
	struct painted_source painted;
	struct played_end client;
	bool busy; /* the machine, as typing is told */
};

void control_world_start(struct control_world *world);
void control_world_stop(struct control_world *world);

/* What comes of a request. */
struct control_answer {
	bool done;
	int error;
	uint8_t params[32768]; /* of the answer, or of the last message */
	size_t params_length;
	char text[1024]; /* of the error */
	uint8_t *data;	 /* of channel 1; free() */
	size_t length;
	unsigned int messages;
};

/* Ask for @method; @type: of the @params, or NULL. @answer must stay until it is done. */
struct stream *control_world_begin(struct control_world *world, const char *method,
				   const struct message_type *type, const void *params,
				   struct control_answer *answer);
void control_world_finish(struct control_world *world, const struct control_answer *answer);
/* Both of them. */
void control_world_call(struct control_world *world, const char *method,
			const struct message_type *type, const void *params,
			struct control_answer *answer);

struct slice control_answer_params(const struct control_answer *answer);
/* What an answer that is a screen's info says of head @number. */
void control_answer_head(const struct control_answer *answer, unsigned int number,
			 struct screen_head *head);

#endif
