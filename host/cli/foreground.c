/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/foreground.h"
#include "host/cli/awaited_answer.h"
#include "host/cli/command.h"
#include "host/cli/console_session.h"
#include "host/cli/text.h"
#include "host/cli/vm_console.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How long the last words on the console may take after the VM has ended. */
#define LAST_WORDS_MS 1000
/* What comes sooner is the same signal again: timeout(1), for one, sends each twice. */
#define SECOND_THOUGHT_MS 500

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNALS ARRAY_SIZE(signals)

enum outcome {
	VM_ENDED,
	VM_LEFT,     /* by the user: it goes on */
	LODGED_LOST, /* it ended; the VM did not */
	ATTACH_FAILED,
};

struct foreground {
	uv_loop_t loop;
	struct client *client;
	char *path; /* of the VM's object */
	struct console_session *console;
	struct awaited_answer *awaited;
	uv_signal_t signals[SIGNALS];
	uv_timer_t last_words;
	uint64_t asked_ms; /* when to stop was first asked, by the loop's clock; 0: not yet */
	bool console_ended, vm_ended;
	enum outcome outcome;
	char reason[64];
	int status;
};

static void end(struct foreground *foreground, enum outcome outcome)
{
	foreground->outcome = outcome;
	uv_stop(&foreground->loop);
}

static void on_console_ended(void *owner, bool by_user)
{
	struct foreground *foreground = owner;

	foreground->console_ended = true;
	if (by_user)
		end(foreground, VM_LEFT);
	else if (foreground->vm_ended)
		end(foreground, VM_ENDED);
}

static void on_silence(uv_timer_t *timer)
{
	end(timer->data, VM_ENDED);
}

static void on_vm_ended(void *owner, DBusMessage *reply)
{
	struct foreground *foreground = owner;
	const char *reason;
	dbus_int32_t status;

	if (!reply || dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR) {
		end(foreground, LODGED_LOST);
		return;
	}
	if (dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &reason, DBUS_TYPE_INT32, &status,
				  DBUS_TYPE_INVALID)) {
		text_clean_into(slice_of(reason), foreground->reason, sizeof(foreground->reason));
		foreground->status = status;
	}
	foreground->vm_ended = true;
	if (foreground->console_ended)
		end(foreground, VM_ENDED);
	else
		uv_timer_start(&foreground->last_words, on_silence, LAST_WORDS_MS, 0);
}

/* Without an answer: what comes of it is seen by on_vm_ended(). */
static void tell(struct foreground *foreground, const char *method, const dbus_uint32_t *parameter)
{
	DBusConnection *connection = client_connection(foreground->client);
	DBusMessage *message =
		dbus_message_new_method_call(NULL, foreground->path, LODGE_VM_INTERFACE, method);

	if (!message)
		return;
	if (parameter)
		dbus_message_append_args(message, DBUS_TYPE_UINT32, parameter, DBUS_TYPE_INVALID);
	dbus_message_set_no_reply(message, TRUE);
	dbus_connection_send(connection, message, NULL);
	dbus_connection_flush(connection);
	dbus_message_unref(message);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct foreground *foreground = handle->data;
	dbus_uint32_t do_not_wait = 0;

	if (number == SIGHUP) {
		end(foreground, VM_LEFT);
	} else if (!foreground->asked_ms) {
		foreground->asked_ms = uv_now(handle->loop);
		tell(foreground, "Stop", &do_not_wait);
	} else if (uv_now(handle->loop) - foreground->asked_ms > SECOND_THOUGHT_MS) {
		tell(foreground, "Kill", NULL);
	}
}

static int open_console(struct foreground *foreground, const char *name, bool replay)
{
	static const struct console_session_handlers handlers = {.ended = on_console_ended};
	int fd = vm_console_open(foreground->client, name, replay);

	return fd < 0 ? fd
		      : console_session_new(&foreground->loop, fd, &handlers, foreground,
					    &foreground->console);
}

static int watch_end(struct foreground *foreground, const char *name)
{
	DBusMessage *message =
		client_vm_message(foreground->client, name, LODGE_VM_INTERFACE, "Wait");

	if (!message)
		return -ENOENT;
	free(foreground->path);
	foreground->path = strdup(dbus_message_get_path(message));
	if (!foreground->path) {
		dbus_message_unref(message);
		return -ENOMEM;
	}
	return awaited_answer_new(&foreground->loop, foreground->client, message, on_vm_ended,
				  foreground, &foreground->awaited);
}

static enum outcome attach(struct foreground *foreground, const char *name, bool replay)
{
	foreground->console_ended = foreground->vm_ended = false;
	foreground->outcome = ATTACH_FAILED;
	if (open_console(foreground, name, replay) == 0 && watch_end(foreground, name) == 0)
		uv_run(&foreground->loop, UV_RUN_DEFAULT);
	console_session_free(foreground->console);
	foreground->console = NULL;
	awaited_answer_free(foreground->awaited);
	foreground->awaited = NULL;
	return foreground->outcome;
}

static void begin(struct foreground *foreground, struct client *client)
{
	int error = uv_loop_init(&foreground->loop);

	assert(error == 0);
	foreground->client = client;
	uv_timer_init(&foreground->loop, &foreground->last_words);
	foreground->last_words.data = foreground;
	for (size_t i = 0; i < SIGNALS; i++) {
		uv_signal_init(&foreground->loop, &foreground->signals[i]);
		foreground->signals[i].data = foreground;
		uv_signal_start(&foreground->signals[i], on_signal, signals[i]);
	}
}

static void finish(struct foreground *foreground)
{
	for (size_t i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&foreground->signals[i], NULL);
	uv_close((uv_handle_t *)&foreground->last_words, NULL);
	uv_run(&foreground->loop, UV_RUN_DEFAULT);
	uv_loop_close(&foreground->loop);
	free(foreground->path);
}

static int report(const struct foreground *foreground, enum outcome outcome, const char *name)
{
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	switch (outcome) {
	case VM_ENDED:
		if (foreground->status != 0)
			log_info("%s ended: %s", name, foreground->reason);
		return foreground->status;
	case VM_LEFT:
		log_info("%s goes on; 'lodge console %s' comes back to it, 'lodge stop %s' ends it",
			 name, name, name);
		return EXIT_DONE;
	default:
		return EXIT_FAILED;
	}
}

int foreground_run(struct client **client, const char *name)
{
	struct foreground foreground = {0};
	enum outcome outcome;

	begin(&foreground, *client);
	outcome = attach(&foreground, name, true);
	while (outcome == LODGED_LOST) {
		client_close(*client);
		*client = NULL;
		if (client_open(client) < 0)
			break;
		foreground.client = *client;
		outcome = attach(&foreground, name, false);
	}
	finish(&foreground);
	return report(&foreground, outcome, name);
}
