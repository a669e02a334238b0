/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/guest.h"

#include "host/screen/clipboard.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/head_list.h"
#include "protocol/pump/pump.h"

#define RETRY_MS 1000
#define RETRIES	 3

struct guest {
	uv_loop_t *loop;
	struct clipboard *clipboard;
	const struct guest_handlers *handlers;
	void *owner;
	struct session *session;
	struct pump *pump;
	int (*spare)(void *owner); /* of who stands in for an agent; may be NULL */
	void *spare_owner;
	bool is_spare;		 /* the session is his */
	struct stream *attached; /* "display.attach" */
	bool has_clipboard, has_files;
	uv_timer_t *retry;
	unsigned int retries_left;
	uint64_t serial;
	bool is_known; /* the guest has said: */
	struct guest_layout layout;
};

/* --- What the guest says ---------------------------------------------------------------------- */

/* Printable ASCII of it, as much as fits. */
static void take_word(char *word, size_t capacity, struct slice text)
{
	size_t length = 0;

	for (size_t i = 0; i < text.length && length + 1 < capacity; i++) {
		if (text.bytes[i] > ' ' && text.bytes[i] < 0x7f)
			word[length++] = (char)text.bytes[i];
	}
	word[length] = '\0';
}

static struct guest_head guest_head_of(const struct head *head)
{
	return (struct guest_head){
		.known = true,
		.enabled = head->enabled,
		.primary = head->primary,
		.x = head->x,
		.y = head->y,
		.width = head->width,
		.height = head->height,
		.scale_milli = head->scale_milli,
	};
}

static void layout_changed(struct guest *guest, const struct guest_layout *layout)
{
	bool other_session = strcmp(guest->layout.session, layout->session) != 0 ||
			     strcmp(guest->layout.desktop, layout->desktop) != 0;

	guest->layout = *layout;
	if (other_session && guest->clipboard && guest->has_clipboard)
		clipboard_guest_changed(guest->clipboard);
	guest->handlers->layout(guest->owner);
}

static void take_layout(struct guest *guest, struct slice params)
{
	struct display_layout said;
	struct guest_layout layout = {0};
	struct head_list list;

	if (head_list_decode(params, &list, &said) < 0) {
		log_debug("the guest's layout is malformed");
		return;
	}
	for (size_t i = 0; i < list.count; i++)
		layout.head[list.heads[i].head] = guest_head_of(&list.heads[i]);
	take_word(layout.session, sizeof(layout.session), said.session);
	take_word(layout.desktop, sizeof(layout.desktop), said.desktop);
	take_word(layout.backend, sizeof(layout.backend), said.backend);
	guest->retries_left = RETRIES;
	guest->is_known = true;
	layout_changed(guest, &layout);
}

static void take_applied(struct guest *guest, struct slice params)
{
	struct display_applied applied;

	if (message_decode(&message_display_applied, params, &applied) < 0)
		return;
	guest->handlers->applied(guest->owner, applied.serial, (int)applied.number,
				 applied.number == EAGAIN && slice_is(applied.text, "replug"));
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	(void)stream;
	if (slice_is(name, "layout"))
		take_layout(owner, params);
	else if (slice_is(name, "applied"))
		take_applied(owner, params);
}

static void forget_layout(struct guest *guest)
{
	const struct guest_layout none = {0};

	if (guest->is_known)
		layout_changed(guest, &none);
	guest->is_known = false;
}

static void on_retry(uv_timer_t *timer);

static void on_attach_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct guest *guest = owner;

	(void)stream;
	guest->attached = NULL;
	/* Its service was not ready, or starts anew. */
	if (session_is_established(guest->session) && result->error != -ENOSYS &&
	    guest->retries_left > 0) {
		guest->retries_left--;
		uv_timer_start(guest->retry, on_retry, RETRY_MS, 0);
	}
	forget_layout(guest);
}

static const struct stream_handlers attach_handlers = {.message = on_message,
						       .closed = on_attach_closed};

static void attach(struct guest *guest)
{
	int result;

	if (guest->attached || !guest->session || !session_is_established(guest->session))
		return;
	result = session_request(guest->session, SLICE_LITERAL("display.attach"), (struct slice){0},
				 &attach_handlers, guest, &guest->attached);
	if (result < 0)
		log_warning("cannot ask the guest for its displays: %s", error_text(result));
}

static void on_retry(uv_timer_t *timer)
{
	attach(timer->data);
}

/* --- The session ------------------------------------------------------------------------------ */

static void on_established(void *owner, const struct session_peer *peer)
{
	struct guest *guest = owner;

	guest->retries_left = RETRIES;
	guest->has_files = session_peer_has(peer, "files");
	if (session_peer_has(peer, "display"))
		attach(guest);
	if (guest->clipboard && session_peer_has(peer, "clipboard")) {
		guest->has_clipboard = true;
		clipboard_guest_established(guest->clipboard, guest->session);
	}
}

static void clipboard_lost(struct guest *guest)
{
	if (guest->has_clipboard)
		clipboard_guest_lost(guest->clipboard);
	guest->has_clipboard = false;
}

static void on_lost(void *owner, int reason)
{
	struct guest *guest = owner;

	log_debug("the guest's agent is lost: %s", error_text(reason));
	uv_timer_stop(guest->retry);
	clipboard_lost(guest);
	guest->has_files = false;
	forget_layout(guest);
}

static void on_wake(void *owner)
{
	pump_wake(((struct guest *)owner)->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.wake = on_wake,
};

/* What is said on the way out is said by session_free(): streams end, we forget. */
static void detach(struct guest *guest)
{
	struct session *session = guest->session;

	uv_timer_stop(guest->retry);
	pump_free(take_ptr(guest->pump));
	clipboard_lost(guest);
	guest->has_files = false;
	guest->retries_left = 0;
	session_free(session);
	guest->session = NULL;
}

static void attach_spare(struct guest *guest);

static void on_pump_closed(void *owner, int error)
{
	struct guest *guest = owner;
	const bool was_spare = guest->is_spare;

	(void)error;
	detach(guest);
	forget_layout(guest);
	if (!was_spare)
		attach_spare(guest);
}

static const struct pump_handlers pump_handlers = {.closed = on_pump_closed};

static int attach_session(struct guest *guest, int fd)
{
	static const char *const capabilities[] = {NULL};
	_cleanup_close_ int owned = fd;
	struct session *session;
	int result;

	detach(guest);
	forget_layout(guest);
	session = session_new(SESSION_HOST, "lodge-screen " LODGE_VERSION, capabilities,
			      &session_handlers, guest);
	if (!session)
		return -ENOMEM;
	guest->session = session;
	result = pump_new(guest->loop, take_fd(&owned), false, session, &pump_handlers, guest,
			  &guest->pump);
	if (result < 0) {
		detach(guest);
		return result;
	}
	session_start(session);
	return 0;
}

int guest_attach(struct guest *guest, int fd)
{
	guest->is_spare = false;
	return attach_session(guest, fd);
}

static void attach_spare(struct guest *guest)
{
	int fd = guest->spare ? guest->spare(guest->spare_owner) : -ENOTCONN;

	if (fd < 0)
		return;
	guest->is_spare = true;
	if (attach_session(guest, fd) < 0)
		log_warning("the guest's SPICE agent cannot be spoken with");
}

void guest_set_spare(struct guest *guest, int (*spare)(void *owner), void *owner)
{
	const bool has_agent = guest->session && !guest->is_spare;

	guest->spare = spare;
	guest->spare_owner = owner;
	if (has_agent)
		return;
	detach(guest);
	forget_layout(guest);
	attach_spare(guest);
}

/* --- Asking ----------------------------------------------------------------------------------- */

const struct guest_layout *guest_layout(const struct guest *guest)
{
	return &guest->layout;
}

bool guest_can_apply(const struct guest *guest)
{
	return guest->attached && guest->layout.backend[0] != '\0';
}

int guest_apply(struct guest *guest, const struct guest_layout *layout, uint64_t *serial)
{
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	const struct display_layout said = {0};
	struct head_list list = {.serial = guest->serial + 1};
	int result;

	if (!guest->attached)
		return -ENOTCONN;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		const struct guest_head *head = &layout->head[i];

		if (!head->known)
			continue;
		list.heads[list.count++] = (struct head){
			.head = i,
			.enabled = head->enabled,
			.primary = head->primary,
			.x = head->x,
			.y = head->y,
			.width = head->width,
			.height = head->height,
			.scale_milli = head->scale_milli,
		};
	}
	head_list_encode(&list, &said, &writer);
	result = stream_message(guest->attached, SLICE_LITERAL("apply"), cbor_written(&writer));
	if (result < 0)
		return result;
	*serial = ++guest->serial;
	return 0;
}

struct session *guest_takes_files(const struct guest *guest)
{
	return guest->has_files ? guest->session : NULL;
}

/* --- Its life --------------------------------------------------------------------------------- */

struct guest *guest_new(uv_loop_t *loop, struct clipboard *clipboard,
			const struct guest_handlers *handlers, void *owner)
{
	_cleanup_free_ struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return NULL;
	guest->retry = calloc(1, sizeof(*guest->retry));
	if (!guest->retry)
		return NULL;
	guest->loop = loop;
	guest->clipboard = clipboard;
	guest->handlers = handlers;
	guest->owner = owner;
	uv_timer_init(loop, guest->retry);
	guest->retry->data = guest;
	return take_ptr(guest);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

static void ignore_layout(void *owner)
{
	(void)owner;
}

void guest_free(struct guest *guest)
{
	static const struct guest_handlers nobody = {.layout = ignore_layout};

	if (!guest)
		return;
	guest->handlers = &nobody;
	detach(guest);
	uv_close((uv_handle_t *)guest->retry, timer_closed);
	free(guest);
}
