/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount_options - the list behind `-o`, and words that it shares with the long options
 *
 * Words are parted by commas; two commas are one that belongs to the word. All refuse what they do
 * not know by arguments_refuse().
 */
#ifndef LODGE_SHARED_FOLDERS_FSD_MOUNT_OPTIONS_H
#define LODGE_SHARED_FOLDERS_FSD_MOUNT_OPTIONS_H

#include "protocol/arguments/arguments.h"
#include "shared-folders/fsd/options.h"

/* Sets fields of the struct fsd_options that is arguments->options. */
int mount_options_parse(struct arguments *arguments, const char *list);

int mount_option_cache(struct arguments *arguments, const char *value, enum server_cache *cache);
int mount_option_sandbox(struct arguments *arguments, const char *value, enum fsd_sandbox *sandbox);
int mount_option_filter(struct arguments *arguments, const char *value, enum fsd_filter *filter);
int mount_option_log_level(struct arguments *arguments, const char *value, enum log_level *level);

#endif
