/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hear - somebody in a guest who watches a shared folder, as an editor or a build server does
 *
 *	hear FOLDER
 *
 * Each time inotify tells of FOLDER/edited, reads a word from it and makes FOLDER/heard-WORD, so
 * that whoever wrote the word sees that, and when, it was heard of. Ends with the word "end".
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "hear: %s: %s\n", what, strerror(errno));
	return 1;
}

/* Return: is any of these events about that file? */
static bool is_told_of(const char *events, ssize_t length, const char *name)
{
	for (ssize_t at = 0; at < length;) {
		const struct inotify_event *event = (const void *)(events + at);

		if (event->len && strcmp(event->name, name) == 0)
			return true;
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return false;
}

/* An editor may just have emptied it: then more is to come. */
static bool read_word(int folder, char *word, size_t size)
{
	const int fd = openat(folder, "edited", O_RDONLY | O_CLOEXEC);
	const ssize_t length = fd < 0 ? 0 : read(fd, word, size - 1);

	if (fd >= 0)
		close(fd);
	word[length > 0 ? length : 0] = '\0';
	word[strcspn(word, "\n/")] = '\0';
	return word[0];
}

int main(int argc, char **argv)
{
	_Alignas(struct inotify_event) char events[4096];
	char word[64] = "", mark[80];
	int watch = inotify_init1(IN_CLOEXEC), folder, fd;
	ssize_t length;

	if (argc != 2) {
		fprintf(stderr, "usage: hear FOLDER\n");
		return 2;
	}
	folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || watch < 0 ||
	    inotify_add_watch(watch, argv[1], IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
		return fail(argv[1]);
	while (strcmp(word, "end") != 0) {
		length = read(watch, events, sizeof(events));
		if (length < 0)
			return fail("inotify");
		if (!is_told_of(events, length, "edited") || !read_word(folder, word, sizeof(word)))
			continue;
		snprintf(mark, sizeof(mark), "heard-%s", word);
		fd = openat(folder, mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			return fail(mark);
		close(fd);
	}
	return 0;
}
