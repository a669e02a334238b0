/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/share/share_export.h"

#include "guest-agent/agent/share/export_server.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pumped_session.h"
#include "protocol/relay/relay.h"
#include "protocol/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* A server that says nothing for so long will not. */
#define HELLO_MS 10000

struct export
{
	struct share_exports *exports;
	uint8_t id[SHARE_SESSION_SIZE];
	struct pumped_session *server; /* with its lodge-fsd */
	bool read_only;
	pid_t pid; /* 0: it is not our child */
	bool is_established;
	struct stream *near;  /* waits for the server to be there; NULL: passed on, or gone */
	unsigned int streams; /* that go to the server */
	bool resume;	      /* of the stream that waits */
	uint64_t received;
	bool ahead;
	uv_timer_t timer; /* HELLO_MS, SHARE_KEEP_SECONDS */
	bool has_ended;
};

struct share_exports {
	const struct service_context *context;
	enum share_export_right right;
	char *folder; /* of the servers' sockets; NULL: none */
	struct export *list[SHARE_EXPORTS_MAX];
};

struct reaper {
	struct work work;
	pid_t pid;
};

static void run_reaper(struct work *work)
{
	const struct reaper *reaper = CONTAINER_OF(work, struct reaper, work);

	while (waitpid(reaper->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void on_reaped(struct work *work)
{
	free(CONTAINER_OF(work, struct reaper, work));
}

/* The process ends by itself, since its connection is closed and no session is kept. */
static void reap(const struct share_exports *exports, pid_t pid)
{
	struct reaper *reaper = calloc(1, sizeof(*reaper));

	if (!reaper)
		return;
	*reaper = (struct reaper){.work = {.run = run_reaper, .done = on_reaped}, .pid = pid};
	workers_submit(exports->context->workers, &reaper->work);
}

static void on_released(uv_handle_t *handle)
{
	free(handle->data);
}

static void end_export(struct export *export, int error, const char *text)
{
	struct share_exports *exports = export->exports;
	struct stream *near = take_ptr(export->near);

	if (export->has_ended)
		return;
	export->has_ended = true;
	for (size_t i = 0; i < SHARE_EXPORTS_MAX; i++) {
		if (exports->list[i] == export)
			exports->list[i] = NULL;
	}
	/* A stream that is passed on ends with it. */
	pumped_session_free(take_ptr(export->server));
	if (near)
		stream_fail(near, error, text);
	if (export->pid > 0)
		reap(exports, export->pid);
	uv_close((uv_handle_t *)&export->timer, on_released);
}

static void forget_server(const struct export *export);

static void on_late(uv_timer_t *timer)
{
	forget_server(timer->data);
	end_export(timer->data, ETIMEDOUT, "the server of the folder says nothing");
}

/* The stream is no more. */
static void on_passed(void *owner)
{
	struct export *export = owner;

	export->streams--;
	if (!export->has_ended && export->streams == 0)
		uv_timer_start(&export->timer, on_late, SHARE_KEEP_SECONDS * 1000, 0);
}

static void pass_on(struct export *export)
{
	const struct share_open open = {
		.name = SLICE_LITERAL("export"),
		.session = {export->id, sizeof(export->id)},
		.resume = export->resume,
		.received = export->received,
		.ahead = export->ahead,
	};
	struct stream *near = take_ptr(export->near);
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	int error;

	message_encode(&message_share_open, &open, &writer);
	error = relay_request(near, pumped_session_session(export->server),
			      SLICE_LITERAL("share.open"), cbor_written(&writer), on_passed,
			      export);
	if (error) {
		stream_fail(near, EAGAIN, NULL);
		return;
	}
	export->streams++;
	uv_timer_stop(&export->timer);
}

/* --- The server ----------------------------------------------------------------------------- */

static void on_established(void *owner, const struct session_peer *peer)
{
	struct export *export = owner;

	(void)peer;
	export->is_established = true;
	uv_timer_start(&export->timer, on_late, SHARE_KEEP_SECONDS * 1000, 0);
	if (export->near)
		pass_on(export);
}

static void on_lost(void *owner, int reason)
{
	struct export *export = owner;

	(void)reason;
	export->is_established = false;
}

/* Nobody is to find it any more. */
static void forget_server(const struct export *export)
{
	export_server_forget(export->exports->folder, export->id, export->read_only);
}

static void on_closed(void *owner, int error)
{
	(void)error;
	forget_server(owner);
	end_export(owner, EIO, "the server of the folder has ended");
}

static const struct pumped_session_handlers session_handlers = {
	.established = on_established, .lost = on_lost, .closed = on_closed};

/* --- The request ---------------------------------------------------------------------------- */

/* The host wants no more before the server was there. */
static void on_near_cancelled(struct stream *stream, void *owner)
{
	struct export *export = owner;

	export->near = NULL;
	stream_fail(stream, ECANCELED, NULL);
}

static void on_near_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct export *export = owner;

	(void)stream;
	(void)result;
	export->near = NULL;
}

static const struct stream_handlers near_handlers = {.cancelled = on_near_cancelled,
						     .closed = on_near_closed};

static struct export *find_export(const struct share_exports *exports, const uint8_t *id)
{
	for (size_t i = 0; i < SHARE_EXPORTS_MAX; i++) {
		if (exports->list[i] && memcmp(exports->list[i]->id, id, SHARE_SESSION_SIZE) == 0)
			return exports->list[i];
	}
	return NULL;
}

static int check_path(const char *path)
{
	struct stat status;

	if (path[0] != '/')
		return -EINVAL;
	if (stat(path, &status) < 0)
		return -errno;
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

/* One that the agent before us started, or a new one. */
static int find_or_start(struct export *export, const struct share_export *wish, const char *path,
			 const char *user, int *fd)
{
	const struct share_exports *exports = export->exports;
	const struct export_server_options options = {
		.folder = exports->folder,
		.path = path,
		.user = user,
		.uid = wish->uid,
		.gid = wish->gid,
		.read_only = export->read_only,
	};
	int error;

	if (wish->resume) {
		*fd = export_server_find(exports->folder, export->id, export->read_only);
		if (*fd >= 0)
			return 0;
	}
	error = check_path(path);
	return error ? error : export_server_start(&options, export->id, &export->pid, fd);
}

static int connect_server(struct export *export, int fd)
{
	static const char *const none[] = {NULL};
	const struct pumped_session_options options = {
		.loop = export->exports->context->loop,
		.role = SESSION_HOST,
		.software = "lodge-agent " LODGE_VERSION,
		.capabilities = none,
		.handlers = &session_handlers,
		.owner = export,
	};

	return pumped_session_new(&options, fd, &export->server);
}

static int begin_export(struct share_exports *exports, const struct share_export *wish,
			const char *path, const char *user, struct export **result)
{
	struct export *export;
	size_t i = 0;
	int fd = -EBADF, error;

	while (i < SHARE_EXPORTS_MAX && exports->list[i])
		i++;
	if (i == SHARE_EXPORTS_MAX)
		return -EAGAIN;
	export = calloc(1, sizeof(*export));
	if (!export)
		return -ENOMEM;
	export->exports = exports;
	export->read_only = wish->read_only || exports->right != SHARE_EXPORT_WRITE;
	memcpy(export->id, wish->session.bytes, SHARE_SESSION_SIZE);
	uv_timer_init(exports->context->loop, &export->timer);
	export->timer.data = export;
	exports->list[i] = export;
	error = find_or_start(export, wish, path, user, &fd);
	if (!error)
		error = connect_server(export, fd);
	if (error) {
		end_export(export, -error, NULL);
		return error;
	}
	uv_timer_start(&export->timer, on_late, HELLO_MS, 0);
	*result = export;
	return 0;
}

/* A word of the host's as text. Return: false: it does not fit, or has a zero byte inside. */
static bool copy_text(struct slice slice, char *text, size_t capacity)
{
	if (slice.length >= capacity)
		return false;
	if (slice.length > 0)
		memcpy(text, slice.bytes, slice.length);
	text[slice.length] = '\0';
	return strlen(text) == slice.length;
}

/* What the number alone would not tell. */
static void refuse(struct stream *stream, int error)
{
	if (error == -ESRCH)
		stream_fail(stream, EINVAL, "there is no such user in the guest");
	else if (error == -ENOPKG)
		stream_fail(stream, error, "there is no lodge-fsd in the guest");
	else
		stream_fail(stream, error, NULL);
}

void share_exports_call(struct share_exports *exports, struct stream *stream, struct slice params)
{
	char path[MESSAGE_PATH_MAX + 1], user[MESSAGE_NAME_MAX + 1];
	struct share_export wish;
	struct export *export;
	int error;

	if (message_decode(&message_share_export, params, &wish) < 0 ||
	    wish.session.length != SHARE_SESSION_SIZE ||
	    !copy_text(wish.path, path, sizeof(path)) ||
	    !copy_text(wish.user, user, sizeof(user))) {
		stream_fail(stream, EBADMSG, "share.export: malformed parameters");
		return;
	}
	if (exports->right == SHARE_EXPORT_NO) {
		stream_fail(stream, EPERM, "this guest gives no folders to its host");
		return;
	}
	export = find_export(exports, wish.session.bytes);
	error = 0;
	if (!export)
		error = begin_export(exports, &wish, path, user[0] ? user : NULL, &export);
	if (error) {
		refuse(stream, error);
		return;
	}
	if (export->near)
		stream_fail(take_ptr(export->near), ECONNABORTED, "opened again");
	export->near = stream;
	export->resume = wish.resume;
	export->received = wish.received;
	export->ahead = wish.ahead;
	stream_set_handlers(stream, &near_handlers, export);
	if (export->is_established)
		pass_on(export);
}

int share_exports_new(const struct service_context *context, enum share_export_right right,
		      struct share_exports **result)
{
	struct share_exports *exports = calloc(1, sizeof(*exports));

	if (!exports)
		return -ENOMEM;
	exports->context = context;
	exports->right = right;
	if (context->share_socket) {
		exports->folder = export_server_folder(context->share_socket);
		if (!exports->folder) {
			free(exports);
			return -ENOMEM;
		}
		export_server_sweep(exports->folder);
	}
	*result = exports;
	return 0;
}

void share_exports_free(struct share_exports *exports)
{
	if (!exports)
		return;
	for (size_t i = 0; i < SHARE_EXPORTS_MAX; i++) {
		if (exports->list[i])
			end_export(exports->list[i], ECANCELED, NULL);
	}
	free(exports->folder);
	free(exports);
}
