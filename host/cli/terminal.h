/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * terminal - raw mode that is always undone
 *
 * terminal_raw() changes the terminal; it is put back by terminal_restore(), at exit(), and when a
 * signal kills the program. That needs the saved settings in a variable that a signal handler can
 * see: the one exception to "no globals".
 */
#ifndef LODGE_CLI_TERMINAL_H
#define LODGE_CLI_TERMINAL_H

struct terminal_size {
	unsigned short rows, columns;
};

/* 24 by 80 if @fd is no terminal or does not know. */
struct terminal_size terminal_size(int fd);

/**
 * terminal_raw() - every key goes through, nothing is echoed
 * @fd:		a terminal; stays the caller's and open until restored
 *
 * Return: 0 or negative errno; -EBUSY if a terminal is raw already.
 */
int terminal_raw(int fd);

/*
 * terminal_screen() - a screen of its own for a program that draws, without a cursor
 *
 * After terminal_raw(), on the terminal @fd to which the program writes; terminal_restore() gives
 * the one before back.
 */
void terminal_screen(int fd);

/* Puts the settings back; without terminal_raw() before it does nothing. */
void terminal_restore(void);

#endif
