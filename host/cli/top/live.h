/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * live - snapshots on a terminal, one after the other, until a key ends it
 */
#ifndef LODGE_CLI_TOP_LIVE_H
#define LODGE_CLI_TOP_LIVE_H

#include "host/cli/client.h"
#include "host/cli/top/view.h"

/**
 * live_run() - draw on standard output, a terminal, and listen to standard input, another
 * @client:	may be replaced by a new one
 * @look:	its order, and whether there are colours
 * @delay_ms:	between two snapshots
 *
 * Return: 0 once it was ended by a key, or by the end of standard input; negative errno after an
 * error was printed.
 */
int live_run(struct client **client, struct view_look *look, int delay_ms);

/* One picture with rates of the time until now, which is at least @delay_ms, as plain text.
 * Return: 0 or negative errno after an error was printed. */
int live_once(struct client **client, const struct view_look *look, int delay_ms);

#endif
