/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A shared folder from which somebody tries to get out, by way of names that change what they are.
 *
 *	posix-escape --prepare PARENT		makes PARENT/shared and, beside it, PARENT/outside
 *	posix-escape --swap SECONDS PARENT	in PARENT/shared, names go to and fro between a
 *						folder or file and a link to what is outside
 *	posix-escape --attack SECONDS MOUNT	four processes read, write, create and remove by
 *						these names in a mount of PARENT/shared
 *	posix-escape --judge PARENT		is what is outside as it was?
 *
 * Links are relative: who follows them on the mounter's side finds nothing there, since beside the
 * mount there is no `outside`. So whoever reads what is written there, or finds it changed, was led
 * there by the server. Exit status 0: nobody got out, and all sides got something done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INSIDE	"this is shared"
#define OUTSIDE "this is secret"
#define WORKERS 4

static _Noreturn void die(const char *what)
{
	printf("FAIL: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) < 0)
		die(path);
}

static void prepare(void)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};

	if (mkdir("shared", 0755) < 0 || mkdir("outside", 0755) < 0 ||
	    mkdir("shared/folder", 0755) < 0 || mkdir("shared/folder/deep", 0755) < 0 ||
	    mkdir("outside/deep", 0755) < 0)
		die("mkdir");
	write_file("shared/folder/file", INSIDE);
	write_file("shared/folder/deep/file", INSIDE);
	write_file("shared/file", INSIDE);
	write_file("outside/file", OUTSIDE);
	write_file("outside/deep/file", OUTSIDE);
	if (symlink("../outside", "shared/way") < 0 ||
	    symlink("../outside/file", "shared/link") < 0 ||
	    symlink("../../outside/deep", "shared/folder/way") < 0)
		die("symlink");
	if (utimensat(AT_FDCWD, "outside/file", long_ago, 0) < 0 ||
	    utimensat(AT_FDCWD, "outside/deep/file", long_ago, 0) < 0)
		die("utimensat");
}

/* --- The host ------------------------------------------------------------------------------- */

static int swap(const char *one, const char *other)
{
	return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

static void swap_for(time_t until)
{
	uint64_t count = 0;

	if (chdir("shared") < 0)
		die("shared");
	/* An even number of times each, so that all is as before. */
	while (time(NULL) < until || count % 2) {
		if (swap("folder/deep", "folder/way") < 0 || swap("folder", "way") < 0)
			die("swap");
		if (swap("file", "link") < 0 || swap("folder", "way") < 0)
			die("swap back");
		count++;
	}
	printf("ok: %llu swaps\n", (unsigned long long)count);
}

/* --- The mounter ---------------------------------------------------------------------------- */

struct worker {
	unsigned int state;
	uint64_t done, refused;
};

static void count(struct worker *worker, int result)
{
	if (result >= 0)
		worker->done++;
	else
		worker->refused++;
}

static void read_one(struct worker *worker, const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	count(worker, fd);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) >= 0 && strcmp(text, OUTSIDE) == 0) {
		errno = 0;
		die(path);
	}
	close(fd);
}

static void write_one(struct worker *worker, const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	count(worker, fd);
	if (fd < 0)
		return;
	count(worker, (int)pwrite(fd, INSIDE, strlen(INSIDE), 0));
	close(fd);
}

static void make_one(struct worker *worker, const char *folder)
{
	char name[64], other[64];
	int fd;

	snprintf(name, sizeof(name), "%s/new-%d", folder, getpid());
	snprintf(other, sizeof(other), "%s/moved-%d", folder, getpid());
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	count(worker, fd);
	if (fd >= 0)
		close(fd);
	count(worker, rename(name, other));
	count(worker, mkdir(name, 0700));
	count(worker, rmdir(name));
	count(worker, symlink("nowhere", name));
	count(worker, unlink(name));
	count(worker, unlink(other));
}

static void list_one(struct worker *worker, const char *folder)
{
	DIR *list = opendir(folder);

	count(worker, list ? 0 : -1);
	while (list && readdir(list))
		;
	if (list)
		closedir(list);
}

static void attack_once(struct worker *worker)
{
	static const char *const files[] = {"folder/file", "folder/deep/file", "file",
					    "way/file",	   "way/deep/file",    "link"};
	static const char *const folders[] = {"folder", "folder/deep", "way", "way/deep"};
	const char *file, *folder;

	worker->state = worker->state * 1664525 + 1013904223;
	file = files[(worker->state >> 16) % 6];
	folder = folders[(worker->state >> 20) % 4];
	switch ((worker->state >> 24) % 7) {
	case 0:
	case 1:
		read_one(worker, file);
		break;
	case 2:
		write_one(worker, file);
		break;
	case 3:
		make_one(worker, folder);
		break;
	case 4:
		list_one(worker, folder);
		break;
	case 5:
		count(worker, chmod(file, 0644));
		break;
	default:
		count(worker, utimensat(AT_FDCWD, file, NULL, 0));
	}
}

static _Noreturn void work(unsigned int number, time_t until)
{
	struct worker worker = {.state = number};

	while (time(NULL) < until)
		attack_once(&worker);
	printf("ok: worker %u: %llu done, %llu refused\n", number, (unsigned long long)worker.done,
	       (unsigned long long)worker.refused);
	fflush(stdout);
	_exit(worker.done > 0 && worker.refused > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int attack_for(time_t until)
{
	int status, failed = 0;

	for (unsigned int i = 1; i <= WORKERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			work(i, until);
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- The judge ------------------------------------------------------------------------------ */

static void expect_file(const char *path)
{
	struct stat stat_of;
	char text[64] = "";
	int fd;

	if (stat(path, &stat_of) < 0)
		die(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		die(path);
	close(fd);
	errno = 0;
	if (strcmp(text, OUTSIDE) != 0 || stat_of.st_mtim.tv_sec != 1000000 ||
	    (stat_of.st_mode & 07777) != 0644 || stat_of.st_nlink != 1)
		die(path);
}

static void expect_entries(const char *path, unsigned int expected)
{
	DIR *list = opendir(path);
	unsigned int entries = 0;

	if (!list)
		die(path);
	while (readdir(list))
		entries++;
	closedir(list);
	errno = 0;
	if (entries != expected)
		die(path);
}

static void judge(void)
{
	expect_file("outside/file");
	expect_file("outside/deep/file");
	expect_entries("outside", 4);
	expect_entries("outside/deep", 3);
	printf("ok: nothing outside has changed\n");
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	const bool timed = strcmp(what, "--swap") == 0 || strcmp(what, "--attack") == 0;
	const time_t until = time(NULL) + (timed ? atoi(argv[2]) : 0);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != (timed ? 4 : 3)) {
		fprintf(stderr, "usage: posix-escape --prepare PARENT | --swap SECONDS PARENT |\n"
				"       --attack SECONDS MOUNT | --judge PARENT\n");
		return 2;
	}
	if (chdir(argv[argc - 1]) < 0)
		die(argv[argc - 1]);
	if (strcmp(what, "--prepare") == 0)
		prepare();
	else if (strcmp(what, "--swap") == 0)
		swap_for(until);
	else if (strcmp(what, "--attack") == 0)
		return attack_for(until);
	else
		judge();
	return EXIT_SUCCESS;
}
