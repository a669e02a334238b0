/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clipboard of QEMU's VNC server (RFB's extended clipboard, QEMU 6.1), for a guest without our
 * agent whose QEMU has a vdagent of its own: to the rest of lodge-screen it looks as an agent does,
 * REQUEST a want, PROVIDE the text, both ways.
 */
#include "host/screen/rfb/packed_text.h"
#include "host/screen/source/vnc_clipboard_internal.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- The session ------------------------------------------------------------------------------ */

static void detach(struct vnc_clipboard *clipboard)
{
	clipboard->attached = NULL;
	clipboard->asked = 0;
	if (clipboard->offered)
		vnc_clipboard_say(clipboard->vnc, CLIP_NOTIFY, NULL, 0);
	clipboard->offered = 0;
}

static void on_attach_cancelled(struct stream *stream, void *owner)
{
	detach(owner);
	stream_reply(stream, (struct slice){0});
}

static void on_attach_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	detach(owner);
}

static const struct stream_handlers attach_handlers = {.message = vnc_clipboard_offered,
						       .cancelled = on_attach_cancelled,
						       .closed = on_attach_closed};

static void call_attach(struct vnc_clipboard *clipboard, struct stream *stream)
{
	if (clipboard->attached) {
		stream_fail(stream, EBUSY, NULL);
		return;
	}
	clipboard->attached = stream;
	stream_set_handlers(stream, &attach_handlers, clipboard);
	if (clipboard->copied)
		vnc_clipboard_tell(clipboard);
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	if (slice_is(method, "clipboard.attach"))
		call_attach(owner, stream);
	else if (slice_is(method, "clipboard.read"))
		vnc_clipboard_read(owner, stream, params);
	else if (slice_is(method, "clipboard.write"))
		vnc_clipboard_write(owner, stream, params);
	else
		stream_fail(stream, ENOSYS, "QEMU's VNC server has the clipboard alone");
}

static void on_wake(void *owner)
{
	pump_wake(((struct vnc_clipboard *)owner)->pump);
}

static const struct session_handlers session_handlers = {
	.request = on_request,
	.wake = on_wake,
};

static void leave_session(struct vnc_clipboard *clipboard)
{
	struct session *session = take_ptr(clipboard->session);

	pump_free(take_ptr(clipboard->pump));
	session_free(session);
}

static void on_pump_closed(void *owner, int error)
{
	(void)error;
	leave_session(owner);
}

static const struct pump_handlers pump_handlers = {.closed = on_pump_closed};

int vnc_session(struct source *source)
{
	static const char *const capabilities[] = {"clipboard", NULL};
	struct vnc_clipboard *clipboard = vnc_of(source)->clipboard;
	_cleanup_close_ int ours = -EBADF;
	int fds[2], result;

	if (!clipboard)
		return -ENOTCONN;
	leave_session(clipboard);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ours = fds[0];
	clipboard->session = session_new(SESSION_GUEST, "QEMU's VNC server", capabilities,
					 &session_handlers, clipboard);
	if (!clipboard->session) {
		close(fds[1]);
		return -ENOMEM;
	}
	result = pump_new(screen_loop(source->screen), fds[1], false, clipboard->session,
			  &pump_handlers, clipboard, &clipboard->pump);
	if (result < 0) {
		leave_session(clipboard);
		return result;
	}
	return take_fd(&ours);
}

void vnc_clipboard_free(struct vnc_clipboard *clipboard)
{
	if (!clipboard)
		return;
	clipboard->offered = 0; /* nobody is told any more */
	leave_session(clipboard);
	free(clipboard);
}

/* --- What the server says --------------------------------------------------------------------- */

static int take_cut_text(struct vnc *vnc)
{
	const uint32_t flags = load_be32(vnc->kept);
	struct vnc_clipboard *clipboard = vnc->clipboard;

	vnc_expect_message(vnc, 0);
	if (flags & CLIP_CAPS && !clipboard) {
		clipboard = vnc->clipboard = calloc(1, sizeof(*clipboard));
		if (!clipboard)
			return -ENOMEM;
		clipboard->vnc = vnc;
	}
	if (!clipboard || flags & CLIP_CAPS)
		return 0;
	if (flags & CLIP_NOTIFY)
		vnc_clipboard_notified(clipboard, flags & CLIP_FORMAT_TEXT);
	else if (!(flags & CLIP_FORMAT_TEXT))
		return 0;
	else if (flags & CLIP_PROVIDE)
		return vnc_clipboard_provided(clipboard, vnc->kept + 4, vnc->kept_length - 4);
	else if (flags & CLIP_REQUEST)
		vnc_clipboard_requested(clipboard);
	return 0;
}

/* Below zero it is an extended message; text without that is of no use to a guest. */
int vnc_begin_cut_text(struct vnc *vnc, int32_t length)
{
	const uint32_t size = length < 0 ? 0U - (uint32_t)length : (uint32_t)length;

	if (length >= 0 || size < 4 || size > PACKED_TEXT_MAX) {
		vnc_expect_message(vnc, size);
		return 0;
	}
	return vnc_keep(vnc, size, take_cut_text);
}
