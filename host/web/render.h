/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * render - a snapshot (host/statistics/snapshot.h) as text: for the page, and for Prometheus
 *
 * Names of VMs and of domains are others' text, and are escaped.
 */
#ifndef LODGE_WEB_RENDER_H
#define LODGE_WEB_RENDER_H

#include "protocol/cbor.h"

#include <stdint.h>
#include <stdio.h>

/* The JSON object that says in which order render_point() has figures:
 *	{"host": [KEY, ...], "vm": [KEY, ...]} */
void render_keys(FILE *file);

/* One point in time as JSON; figures that are not known are null:
 *	{"n": NUMBER, "t": MILLISECONDS, "host": [FIGURE, ...],
 *	 "vms": [{"id": , "name": , "state": , "backend": , "screen": , "f": [FIGURE, ...]}, ...]}
 * 0, or -EBADMSG: it is no snapshot. */
int render_point(struct slice snapshot, uint64_t number, FILE *file);

/* Prometheus' text format, version 0.0.4. As above. */
#define RENDER_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
int render_metrics(struct slice snapshot, FILE *file);

#endif
