/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * relay - passes a request on to another session, unread
 *
 * A relay is a pair of streams: the near one, on which somebody asks us, and the far one, on which
 * we ask somebody else with the same method and parameters. Messages, DATA, ends, credit, the
 * cancel and the answer go on as they come. Both channels started with the same credit and more is
 * granted on one only when it was granted on the other, so what arrives always fits what may be
 * sent: nothing is queued here beyond a stream's window.
 */
#ifndef LODGE_PROTOCOL_RELAY_H
#define LODGE_PROTOCOL_RELAY_H

#include "protocol/session.h"

/**
 * relay_request() - answer a request by asking another session
 * @near:	the request that came; its handlers become the relay's. To be called inside the
 *		`request` handler, or later if handlers of the caller's had nothing to do meanwhile
 * @far:	where it goes; another session than that of @near
 * @ended:	the near stream has been answered, or is gone: called once, later. May be NULL
 * @owner:	given to it
 *
 * When either session ends, the relay does. It needs no freeing.
 *
 * Return: 0; those of session_request(), and -ENOMEM: then @near is untouched and to be answered.
 */
int relay_request(struct stream *near, struct session *far, struct slice method,
		  struct slice params, void (*ended)(void *owner), void *owner);

#endif
