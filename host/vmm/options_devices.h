/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options_devices - the options that say what devices a machine has
 *
 * One function an option, for the table in options.c.
 */
#ifndef LODGE_VMM_OPTIONS_DEVICES_H
#define LODGE_VMM_OPTIONS_DEVICES_H

#include "protocol/arguments/arguments.h"

int options_take_disk(struct arguments *arguments, const char *value);
int options_take_net(struct arguments *arguments, const char *value);
int options_take_mac(struct arguments *arguments, const char *value);
int options_take_forward(struct arguments *arguments, const char *value);
int options_take_serial(struct arguments *arguments, const char *value);
int options_take_port(struct arguments *arguments, const char *value);
int options_take_display(struct arguments *arguments, const char *value);
int options_take_fs(struct arguments *arguments, const char *value);

/* As strsep() with commas, of which two are one of the word's own: paths may have them. */
char *options_next_word(char **rest);

#endif
