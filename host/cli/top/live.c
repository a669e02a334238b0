/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/live.h"
#include "host/cli/terminal.h"
#include "host/cli/top/keys.h"
#include "host/cli/top/source.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define HOME	  "\033[H"
#define LINE_END  "\033[K\r\n"
#define CLEAR_END "\033[J"
#define BATCH_MAX 64
#define SECOND_MS 1000
#define MS_NS	  1000000

struct live {
	struct client **client;
	struct view_look *look;
	struct snapshot now;
	int delay_ms;
	int64_t due_ms; /* when the next snapshot is taken */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / MS_NS;
}

static void on_resize(int number)
{
	(void)number; /* it is enough that it interrupts ppoll() */
}

/* The next snapshot takes the place of the last, with its rates. */
static int take(struct client **client, struct snapshot *now)
{
	struct snapshot next;
	int error = source_take(client, &next);

	if (error)
		return error;
	snapshot_rates(&next, now->at_ns ? now : NULL);
	snapshot_end(now);
	*now = next;
	return 0;
}

/* In one piece, so that nothing flickers. */
static int paint(struct live *live)
{
	_cleanup_free_ char *text = NULL, *bytes = NULL;
	const struct terminal_size size = terminal_size(STDOUT_FILENO);
	size_t length = 0;
	FILE *file;
	char *rest, *line;

	live->look->columns = size.columns;
	live->look->rows = size.rows;
	snapshot_sort(&live->now, live->look->order);
	text = view_draw(&live->now, live->look);
	file = text ? open_memstream(&bytes, &length) : NULL;
	if (!file)
		return -ENOMEM;
	fputs(HOME, file);
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL && rest) {
		/* Not behind the last line: the screen would roll. */
		fprintf(file, "%s%s", line, *rest ? LINE_END : "\033[K");
	}
	fputs(CLEAR_END, file);
	if (fclose(file) != 0)
		return -ENOMEM;
	for (size_t done = 0; done < length;) {
		ssize_t count = write(STDOUT_FILENO, bytes + done, length - done);

		if (count < 0 && errno != EINTR)
			return -errno;
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

/* Until something is typed, the window changes, or the next snapshot is due. Return: 1 to go on, 0
 * for the end, negative errno. */
static int listen_for_keys(struct live *live, const sigset_t *mask)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	int64_t left = live->due_ms > now_ms() ? live->due_ms - now_ms() : 0;
	struct timespec limit = {left / SECOND_MS, left % SECOND_MS * MS_NS};
	char keys[BATCH_MAX];
	ssize_t count;

	if (ppoll(&input, 1, &limit, mask) <= 0)
		return 1;
	count = read(STDIN_FILENO, keys, sizeof(keys));
	if (count < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	return count > 0 && keys_apply(keys, (size_t)count, live->look, live->now.count) ? 1 : 0;
}

static int loop(struct live *live, const sigset_t *mask)
{
	int going = 1;

	while (going > 0) {
		int error = 0;

		if (now_ms() >= live->due_ms) {
			error = take(live->client, &live->now);
			live->due_ms = now_ms() + live->delay_ms;
		}
		if (!error)
			error = paint(live);
		going = error ? error : listen_for_keys(live, mask);
	}
	return going;
}

int live_run(struct client **client, struct view_look *look, int delay_ms)
{
	struct live live = {.client = client, .look = look, .delay_ms = delay_ms};
	struct sigaction action = {.sa_handler = on_resize};
	sigset_t resize, mask;
	int error = take(client, &live.now);

	if (error)
		return error;
	/* The second one comes soon: with it there are rates. */
	live.due_ms = now_ms() + (delay_ms < SECOND_MS ? delay_ms : SECOND_MS);
	error = terminal_raw(STDIN_FILENO);
	if (error) {
		log_error("the terminal cannot be used: %s", error_text(error));
		snapshot_end(&live.now);
		return error;
	}
	sigaction(SIGWINCH, &action, NULL);
	sigemptyset(&resize);
	sigaddset(&resize, SIGWINCH);
	sigprocmask(SIG_BLOCK, &resize, &mask);
	terminal_screen(STDOUT_FILENO);
	error = loop(&live, &mask);
	terminal_restore();
	snapshot_end(&live.now);
	/* What was printed before was on the screen that is gone. */
	if (error)
		log_error("top: %s", error_text(error));
	return error;
}

int live_once(struct client **client, const struct view_look *look, int delay_ms)
{
	const struct timespec delay = {delay_ms / SECOND_MS, (long)(delay_ms % SECOND_MS) * MS_NS};
	_cleanup_free_ char *text = NULL;
	struct snapshot now = {0};
	int error = take(client, &now);

	if (!error) {
		nanosleep(&delay, NULL);
		error = take(client, &now);
	}
	if (!error) {
		snapshot_sort(&now, look->order);
		text = view_draw(&now, look);
		error = text ? 0 : -ENOMEM;
	}
	if (text)
		fputs(text, stdout);
	snapshot_end(&now);
	return error;
}
