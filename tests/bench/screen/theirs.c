/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <poll.h>
#include <rfb/rfb.h>
#include <string.h>
#include <unistd.h>

void bench_theirs(const uint32_t *frames, int fd, int next)
{
	static char *no_arguments[] = {(char *)"bench", NULL};
	int count = 1;
	rfbScreenInfoPtr screen =
		rfbGetScreen(&count, no_arguments, BENCH_WIDTH, BENCH_HEIGHT, 8, 3, 4);
	size_t size = 4UL * BENCH_WIDTH * BENCH_HEIGHT;
	unsigned int shown = 0;
	rfbClientPtr client;

	rfbLogEnable(0);
	screen->frameBuffer = malloc(size);
	screen->serverFormat.redShift = 16;
	screen->serverFormat.greenShift = 8;
	screen->serverFormat.blueShift = 0;
	screen->cursor = NULL;
	screen->deferUpdateTime = 0;
	screen->port = screen->ipv6port = 0;
	screen->autoPort = FALSE;
	screen->listenSock = screen->listen6Sock = RFB_INVALID_SOCKET;
	screen->httpDir = NULL;
	screen->handleEventsEagerly = TRUE;
	rfbInitServer(screen);
	bench_paint(frames, shown++, screen->frameBuffer);
	client = rfbNewClient(screen, fd);
	while (client && client->sock != RFB_INVALID_SOCKET) {
		struct pollfd polled[2] = {{.fd = client->sock, .events = POLLIN},
					   {.fd = next, .events = POLLIN}};
		char byte;

		poll(polled, 2, -1);
		if (polled[1].revents) {
			if (read(next, &byte, 1) != 1)
				break;
			bench_paint(frames, shown++, screen->frameBuffer);
			rfbMarkRectAsModified(screen, 0, 0, BENCH_WIDTH, BENCH_HEIGHT);
		}
		rfbProcessEvents(screen, 0);
	}
}
