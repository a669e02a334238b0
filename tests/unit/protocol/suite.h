/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* suite - what every test program of this folder ends with */
#ifndef LODGE_TESTS_PROTOCOL_SUITE_H
#define LODGE_TESTS_PROTOCOL_SUITE_H

#include <check.h>

/* Runs a suite of one test case. Return: the exit status of the program. */
int suite_run(const char *name, TCase *tests);

#endif
