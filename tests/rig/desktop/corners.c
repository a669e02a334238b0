/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corners - marks the corners of its terminal with the colours that tests look for
 *
 * Blocks of red, green, blue and magenta: top left, top right, bottom left and bottom right.
 * Painted at once and whenever the terminal says that its size is another one (SIGWINCH, which its
 * foreground group gets), and at no other time.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BLOCK_WIDTH  6
#define BLOCK_HEIGHT 2

/* @row, @column: from 1. @colour: as SGR has them for backgrounds (ECMA-48, 8.3.117). */
static void block(int row, int column, int colour)
{
	for (int line = 0; line < BLOCK_HEIGHT; line++)
		printf("\033[%d;%dH\033[%dm%*s\033[0m", row + line, column, colour, BLOCK_WIDTH,
		       "");
}

static int paint(void)
{
	struct winsize size;
	int right, bottom;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return -1;
	right = size.ws_col - BLOCK_WIDTH + 1;
	bottom = size.ws_row - BLOCK_HEIGHT + 1;
	/* The cursor is where it was when all is cleared and painted. */
	printf("\0337\033[2J");
	block(1, 1, 41);
	block(1, right, 42);
	block(bottom, 1, 44);
	block(bottom, right, 45);
	printf("\0338");
	return fflush(stdout);
}

int main(void)
{
	sigset_t resized;

	/* One that comes while this paints is kept: what is painted last is of the last size. */
	sigemptyset(&resized);
	sigaddset(&resized, SIGWINCH);
	sigprocmask(SIG_BLOCK, &resized, NULL);
	while (paint() == 0)
		if (sigwaitinfo(&resized, NULL) < 0)
			break;
	perror("corners");
	return 1;
}
