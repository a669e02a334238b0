/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * posix-duel - locks of one folder, fought for by machines that share nothing else
 *
 *	posix-duel --name NAME --rounds N DIR
 *
 * Each machine runs one, with a name of its own; it makes DIR/duel.here-NAME and begins when there
 * is a DIR/duel.go. In each a few processes enter sections, guarded by POSIX record locks, OFD
 * locks or flock(2), waiting or not. Who is in one makes a folder there, which fails if somebody
 * else is in it, and counts in a file, in which the sum is to be right in the end. Every now and
 * then a process is killed that has a lock and is not in the section yet, which has to free it. The
 * folder must be mounted without caches.
 *
 * Exit status: 0; 1 two were in a section, or a call failed; 2 it could not begin. It says how
 * often it was in a section: together as many as DIR/duel.count has.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RANGES	      4	     /* sections of record locks, ten bytes each */
#define WHOLE	      RANGES /* the one of flock() */
#define FIGHTERS      3
#define LIMIT_SECONDS 900

enum kind { POSIX, DESCRIPTION, FLOCK };

struct fighter {
	uint64_t state;
	unsigned int rounds, entered, refused;
	int fd;
};

static uint32_t below(struct fighter *fighter, uint32_t limit)
{
	fighter->state = fighter->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(fighter->state >> 33) % limit;
}

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "posix-duel: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static int operate(int fd, enum kind kind, int section, bool lock, bool wait)
{
	struct flock range = {
		.l_type = lock ? F_WRLCK : F_UNLCK, .l_start = section * 10L, .l_len = 10};

	switch (kind) {
	case POSIX:
		return fcntl(fd, wait ? F_SETLKW : F_SETLK, &range);
	case DESCRIPTION:
		return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range);
	case FLOCK:
		return flock(fd, lock ? LOCK_EX | (wait ? 0 : LOCK_NB) : LOCK_UN);
	}
	return -1;
}

/* Each section counts in a place of its own. */
static void count(int fd, int section)
{
	uint32_t value = 0;
	off_t at = section * 4L;

	if (pread(fd, &value, sizeof(value), at) < 0)
		give_up("reading the count");
	value++;
	if (pwrite(fd, &value, sizeof(value), at) != sizeof(value))
		give_up("writing the count");
}

static void pass(struct fighter *fighter, int count_fd)
{
	enum kind kind = (enum kind)below(fighter, 3);
	int section = kind == FLOCK ? WHOLE : (int)below(fighter, RANGES);
	bool wait = below(fighter, 4) != 0;
	char path[32];

	if (operate(fighter->fd, kind, section, true, wait) < 0) {
		if (wait || (errno != EAGAIN && errno != EACCES))
			give_up("locking");
		fighter->refused++;
		return;
	}
	snprintf(path, sizeof(path), "duel.section-%d", section);
	if (mkdir(path, 0700) < 0)
		give_up(errno == EEXIST ? "somebody else is in the section" : "mkdir");
	count(count_fd, section);
	if (rmdir(path) < 0)
		give_up("rmdir");
	if (operate(fighter->fd, kind, section, false, false) < 0)
		give_up("unlocking");
	fighter->entered++;
}

/* Holds a lock and is killed. */
static void lose_one(struct fighter *fighter)
{
	enum kind kind = (enum kind)below(fighter, 3);
	int ready[2], section = kind == FLOCK ? WHOLE : (int)below(fighter, RANGES);
	pid_t victim;
	char byte;

	if (pipe(ready) < 0)
		give_up("pipe");
	victim = fork();
	if (victim < 0)
		give_up("fork");
	if (victim == 0) {
		int fd = open("duel.lock", O_RDWR | O_CLOEXEC);

		if (fd < 0 || operate(fd, kind, section, true, true) < 0 ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		give_up("a process that was to be killed");
	close(ready[0]);
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

static _Noreturn void fight(struct fighter *fighter, int report)
{
	int count_fd = open("duel.count", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	alarm(LIMIT_SECONDS);
	fighter->fd = open("duel.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fighter->fd < 0 || count_fd < 0)
		give_up("open");
	for (unsigned int i = 0; i < fighter->rounds; i++) {
		pass(fighter, count_fd);
		if (i % 64 == 63)
			lose_one(fighter);
	}
	if (write(report, &fighter->entered, sizeof(fighter->entered)) < 0)
		give_up("reporting");
	_exit(0);
}

/* Says that we are there, and waits until all are: whoever started them makes the file. */
static bool meet(const char *name)
{
	const struct timespec pause_ = {.tv_nsec = 50000000};
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "duel.here-%.32s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || close(fd) < 0)
		return false;
	for (unsigned int tries = 0; tries < LIMIT_SECONDS * 20; tries++) {
		if (access("duel.go", F_OK) == 0)
			return true;
		nanosleep(&pause_, NULL);
	}
	errno = ETIMEDOUT;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"name", required_argument, NULL, 'n'},
						{"rounds", required_argument, NULL, 'r'},
						{0}};
	unsigned int rounds = 100, total = 0, one;
	const char *name = "one";
	int choice, report[2], failed = 0, state;

	while ((choice = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (choice == 'n')
			name = optarg;
		else if (choice == 'r')
			rounds = (unsigned int)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind + 1 != argc || chdir(argv[optind]) < 0 || pipe(report) < 0 || !meet(name)) {
		perror("posix-duel");
		return 2;
	}
	for (unsigned int i = 0; i < FIGHTERS; i++) {
		struct fighter fighter = {.rounds = rounds};

		for (const char *at = name; *at; at++)
			fighter.state = fighter.state * 31 + (unsigned char)*at;
		fighter.state = fighter.state * 31 + i;
		if (fork() == 0)
			fight(&fighter, report[1]);
	}
	close(report[1]);
	while (read(report[0], &one, sizeof(one)) == sizeof(one))
		total += one;
	while (wait(&state) > 0)
		failed |= !WIFEXITED(state) || WEXITSTATUS(state);
	printf("entered %u\n", total);
	return failed;
}
