/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/typing.h"

#include "host/screen/keyboard.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/utf8.h"
#include "protocol/display.h"

#define MAX_TEXT     (32U << 10)
#define MAX_KEY_NAME 64

struct typing_job {
	struct typing *typing;
	struct typing_job *next;
	struct stream *stream;
	uint32_t altgr;		/* the key for it in this job's layout */
	unsigned int held_ms;	/* since the guest is busy */
	unsigned int behind_ms; /* since the machine does not take keys */
	size_t at, count;
	struct keyboard_chord chord[];
};

struct typing {
	struct screen *screen;
	bool (*holds)(void *owner);
	void *owner;
	struct viewer viewer;
	bool is_viewer;
	uv_timer_t *timer;
	struct keyboard *keyboard; /* of the last request */
	struct typing_job *first;
	unsigned int jobs;
};

/* --- Keys ------------------------------------------------------------------------------------- */

static void press_modifiers(struct typing *typing, const struct typing_job *job, uint32_t modifiers,
			    bool down)
{
	const struct {
		uint32_t modifier, code;
	} all[] = {
		{KEYBOARD_CTRL, keyboard_modifier(typing->keyboard, KEYBOARD_CTRL)},
		{KEYBOARD_ALT, keyboard_modifier(typing->keyboard, KEYBOARD_ALT)},
		{KEYBOARD_SUPER, keyboard_modifier(typing->keyboard, KEYBOARD_SUPER)},
		{KEYBOARD_SHIFT, keyboard_modifier(typing->keyboard, KEYBOARD_SHIFT)},
		{KEYBOARD_ALTGR, job->altgr},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		size_t which = down ? i : ARRAY_SIZE(all) - 1 - i;

		if (modifiers & all[which].modifier)
			screen_key(&typing->viewer, all[which].code, down);
	}
}

/* Down and up again at once: a guest, or a host, that is slow just then must not take it for a key
 * that is held, and repeat it. */
static void press(struct typing *typing, const struct typing_job *job)
{
	const struct keyboard_chord *chord = &job->chord[job->at];

	press_modifiers(typing, job, chord->modifiers, true);
	screen_key(&typing->viewer, chord->code, true);
	screen_key(&typing->viewer, chord->code, false);
	press_modifiers(typing, job, chord->modifiers, false);
}

/* --- Jobs ------------------------------------------------------------------------------------- */

static void on_step(uv_timer_t *timer);

static void job_free(struct typing_job *job)
{
	struct typing *typing = job->typing;
	struct typing_job **link = &typing->first;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	typing->jobs--;
	free(job);
	if (typing->first)
		return;
	uv_timer_stop(typing->timer);
	if (typing->is_viewer)
		screen_remove_viewer(&typing->viewer);
	typing->is_viewer = false;
}

static void job_fail(struct typing_job *job, int error, const char *text)
{
	stream_fail(job->stream, error, text);
	job_free(job);
}

static bool is_to_wait(struct typing *typing, struct typing_job *job, unsigned int step_ms)
{
	if (job->behind_ms < TYPING_HOLD_MS && screen_is_behind(typing->screen)) {
		job->behind_ms += step_ms;
		return true;
	}
	job->behind_ms = 0;
	if (job->held_ms < TYPING_HOLD_MS && typing->holds && typing->holds(typing->owner)) {
		job->held_ms += step_ms;
		return true;
	}
	return false;
}

static void on_step(uv_timer_t *timer)
{
	struct typing *typing = timer->data;
	struct typing_job *job = typing->first;
	const unsigned int step_ms = MAX(screen_key_ms(typing->screen), 1U);

	uv_timer_start(timer, on_step, step_ms, 0);
	if (is_to_wait(typing, job, step_ms))
		return;
	press(typing, job);
	(void)screen_is_behind(typing->screen); /* it begins to find out */
	if (++job->at == job->count) {
		stream_reply(job->stream, (struct slice){0});
		job_free(job);
	}
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	job_fail(owner, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	job_free(owner);
}

static const struct stream_handlers stream_handlers = {.cancelled = on_cancelled,
						       .closed = on_closed};

static void on_desktop_changed(struct viewer *viewer)
{
	(void)viewer;
}

static void on_viewer_close(struct viewer *viewer)
{
	struct typing *typing = CONTAINER_OF(viewer, struct typing, viewer);

	typing->is_viewer = false;
	while (typing->first)
		job_fail(typing->first, ESHUTDOWN, "the screen has ended");
}

static const struct viewer_ops viewer_ops = {
	.protocol = "typing", .desktop_changed = on_desktop_changed, .close = on_viewer_close};

/* Takes @job. */
static void start(struct typing *typing, struct typing_job *job, struct stream *stream)
{
	struct typing_job **last = &typing->first;

	if (job->count == 0) {
		free(job);
		stream_reply(stream, (struct slice){0});
		return;
	}
	typing->viewer.ops = &viewer_ops;
	if (!typing->is_viewer && screen_add_viewer(typing->screen, &typing->viewer) < 0) {
		free(job);
		stream_fail(stream, EAGAIN, "there are too many viewers");
		return;
	}
	typing->is_viewer = true;
	job->typing = typing;
	job->stream = stream;
	while (*last)
		last = &(*last)->next;
	*last = job;
	stream_set_handlers(stream, &stream_handlers, job);
	if (typing->jobs++ == 0)
		uv_timer_start(typing->timer, on_step, 0, 0);
}

/* --- Requests --------------------------------------------------------------------------------- */

static bool may_type(struct typing *typing, struct stream *stream)
{
	if (screen_source_name(typing->screen)[0] == '\0')
		stream_fail(stream, ENODEV, "there is no display to type at yet");
	else if (typing->jobs >= TYPING_MAX_JOBS)
		stream_fail(stream, EAGAIN, "others are typing");
	else
		return true;
	return false;
}

/* @layout empty: the guest's. 0 or negative errno. */
static int use_layout(struct typing *typing, struct slice layout)
{
	const struct keyboard *guest = screen_keyboard(typing->screen);
	char name[KEYBOARD_MAX_LAYOUT + 1] = "";
	struct keyboard *keyboard;
	int result;

	if (layout.length > KEYBOARD_MAX_LAYOUT ||
	    (layout.length && memchr(layout.bytes, 0, layout.length)))
		return -EINVAL;
	if (layout.length)
		memcpy(name, layout.bytes, layout.length);
	else if (guest)
		strcpy(name, keyboard_layout(guest));
	else
		strcpy(name, KEYBOARD_LAYOUT_DEFAULT);
	if (typing->keyboard && strcmp(keyboard_layout(typing->keyboard), name) == 0)
		return 0;
	result = keyboard_new(name, &keyboard);
	if (result < 0)
		return result;
	keyboard_free(typing->keyboard);
	typing->keyboard = keyboard;
	return 0;
}

static bool layout_known(struct typing *typing, struct stream *stream, struct slice layout)
{
	char text[160];
	int result = use_layout(typing, layout);

	if (result == 0)
		return true;
	snprintf(text, sizeof(text), "there is no keyboard layout '%.*s', or its files are missing",
		 (int)MIN(layout.length, KEYBOARD_MAX_LAYOUT),
		 layout.length ? layout.bytes : (const uint8_t *)"");
	stream_fail(stream, result, text);
	return false;
}

static struct typing_job *job_new(struct typing *typing, size_t chords)
{
	struct typing_job *job = calloc(1, sizeof(*job) + chords * sizeof(job->chord[0]));

	if (job)
		job->altgr = keyboard_modifier(typing->keyboard, KEYBOARD_ALTGR);
	return job;
}

/* Where @text cannot be typed: -1 nowhere, else the offset of the character. */
static ssize_t add_text(struct typing *typing, struct slice text, struct typing_job *job)
{
	for (size_t at = 0; at < text.length;) {
		uint32_t character;
		size_t length = utf8_character(text.bytes + at, text.length - at, &character);
		int chords = length ? keyboard_character(typing->keyboard, character,
							 &job->chord[job->count])
				    : -EILSEQ;

		if (chords < 0)
			return (ssize_t)at;
		job->count += (size_t)chords;
		at += length;
	}
	return -1;
}

static void refuse_text(struct typing *typing, struct stream *stream, struct slice text,
			size_t offset)
{
	char words[256];
	uint32_t character;
	const uint8_t *bytes = text.bytes + offset;
	const size_t length = utf8_character(bytes, text.length - offset, &character);

	if (length == 0)
		snprintf(words, sizeof(words), "byte %zu is no UTF-8: nothing was typed", offset);
	else if (character < ' ' || (character >= 0x7f && character < 0xa0))
		snprintf(words, sizeof(words),
			 "there is no key for the control character U+%04X: nothing was typed",
			 character);
	else
		snprintf(words, sizeof(words),
			 "keyboard layout '%s' has no way to '%.*s' (U+%04X): nothing was typed; "
			 "name the guest's layout (--layout), or set its clipboard and paste there",
			 keyboard_layout(typing->keyboard), (int)length, bytes, character);
	stream_fail(stream, EILSEQ, words);
}

void typing_call_text(struct typing *typing, struct stream *stream, struct slice params)
{
	_cleanup_free_ struct typing_job *job = NULL;
	struct screen_type wanted;
	ssize_t refused;

	if (message_decode(&message_screen_type, params, &wanted) < 0 ||
	    wanted.data.length > MAX_TEXT) {
		stream_fail(stream, EBADMSG, "type: malformed parameters");
		return;
	}
	if (!may_type(typing, stream) || !layout_known(typing, stream, wanted.layout))
		return;
	job = job_new(typing, wanted.data.length * KEYBOARD_MAX_CHORDS + KEYBOARD_MAX_CHORDS);
	if (!job) {
		stream_fail(stream, ENOMEM, NULL);
		return;
	}
	refused = add_text(typing, wanted.data, job);
	if (refused >= 0)
		refuse_text(typing, stream, wanted.data, (size_t)refused);
	else if (wanted.look)
		stream_reply(stream, (struct slice){0});
	else
		start(typing, take_ptr(job), stream);
}

static int add_names(struct typing *typing, struct slice keys, struct typing_job *job,
		     struct slice *refused)
{
	struct cbor_reader reader = CBOR_READER(keys);
	uint64_t count = keys.length ? cbor_get_array(&reader) : 0;

	for (uint64_t i = 0; i < count; i++) {
		struct slice name = cbor_get_text(&reader);

		if (reader.error)
			return -EBADMSG;
		*refused = name;
		if (name.length > MAX_KEY_NAME ||
		    keyboard_name(typing->keyboard, (const char *)name.bytes, name.length,
				  &job->chord[job->count++]) < 0)
			return -EINVAL;
	}
	return 0;
}

void typing_call_keys(struct typing *typing, struct stream *stream, struct slice params)
{
	_cleanup_free_ struct typing_job *job = NULL;
	struct screen_key wanted;
	struct slice refused = SLICE_LITERAL("");
	char words[160];
	int result;

	if (message_decode(&message_screen_key, params, &wanted) < 0) {
		stream_fail(stream, EBADMSG, "key: malformed parameters");
		return;
	}
	if (!may_type(typing, stream) || !layout_known(typing, stream, (struct slice){0}))
		return;
	/* An item takes a byte at least. */
	job = job_new(typing, wanted.keys.length + 1);
	result = job ? add_names(typing, wanted.keys, job, &refused) : -ENOMEM;
	if (result == 0) {
		start(typing, take_ptr(job), stream);
		return;
	}
	if (result != -EINVAL) {
		stream_fail(stream, result, NULL);
		return;
	}
	snprintf(words, sizeof(words), "there is no key '%.*s'; nothing was pressed",
		 (int)MIN(refused.length, MAX_KEY_NAME), refused.bytes);
	stream_fail(stream, result, words);
}

/* --- Its life --------------------------------------------------------------------------------- */

struct typing *typing_new(struct screen *screen, bool (*holds)(void *owner), void *owner)
{
	_cleanup_free_ struct typing *typing = calloc(1, sizeof(*typing));

	if (!typing)
		return NULL;
	typing->timer = calloc(1, sizeof(*typing->timer));
	if (!typing->timer)
		return NULL;
	typing->screen = screen;
	typing->holds = holds;
	typing->owner = owner;
	uv_timer_init(screen_loop(screen), typing->timer);
	typing->timer->data = typing;
	return take_ptr(typing);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void typing_free(struct typing *typing)
{
	if (!typing)
		return;
	while (typing->first)
		job_fail(typing->first, ESHUTDOWN, "the screen has ended");
	uv_close((uv_handle_t *)typing->timer, timer_closed);
	keyboard_free(typing->keyboard);
	free(typing);
}
