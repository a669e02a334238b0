/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvncclient - a viewer on the library of that name, driven by lines
 *
 * usage: libvncclient HOST PORT ENCODINGS
 *
 * ENCODINGS as the library names them: "tight", "zrle hextile", ... Commands on standard input,
 * each answered by one line: "frame" (size, corners, and how many pixels have each colour), "size W
 * H" (asks for it), "key SYM" (down and up), "pointer X Y BUTTONS", "copy TEXT". What the server
 * has copied comes as a line "clipboard TEXT" between.
 */
#include <poll.h>
#include <rfb/rfbclient.h>
#include <stdio.h>
#include <string.h>

static rfbBool new_size(rfbClient *client)
{
	free(client->frameBuffer);
	client->frameBuffer = calloc((size_t)client->width * (size_t)client->height, 4);
	return client->frameBuffer ? TRUE : FALSE;
}

static void copied(rfbClient *client, const char *text, int length)
{
	(void)client;
	printf("clipboard %.*s\n", length, text);
	fflush(stdout);
}

static void say_frame(rfbClient *client)
{
	uint32_t colour[6] = {0};
	size_t count[6] = {0}, others = 0, known = 0;
	size_t pixels = (size_t)client->width * (size_t)client->height;

	for (size_t i = 0; i < pixels; i++) {
		uint32_t value = ((uint32_t *)(void *)client->frameBuffer)[i] & 0xffffff;
		size_t at = 0;

		while (at < known && colour[at] != value)
			at++;
		if (at == known && known < 6)
			colour[known++] = value;
		if (at < known)
			count[at]++;
		else
			others++;
	}
	printf("frame %dx%d corners", client->width, client->height);
	for (int i = 0; i < 4; i++) {
		int x = i % 2 ? client->width - 4 : 3, y = i / 2 ? client->height - 4 : 3;

		printf(" %06x",
		       ((uint32_t *)(void *)client->frameBuffer)[y * client->width + x] & 0xffffff);
	}
	for (size_t i = 0; i < known; i++)
		printf(" %06x:%zu", colour[i], count[i]);
	printf(" others:%zu\n", others);
}

static void obey(rfbClient *client, char *line)
{
	unsigned int a, b, c;

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "frame") == 0) {
		say_frame(client);
	} else if (sscanf(line, "size %u %u", &a, &b) == 2) {
		printf("size %s\n",
		       SendExtDesktopSize(client, (uint16_t)a, (uint16_t)b) ? "asked" : "no");
	} else if (sscanf(line, "key %x", &a) == 1) {
		SendKeyEvent(client, a, TRUE);
		SendKeyEvent(client, a, FALSE);
		printf("key\n");
	} else if (sscanf(line, "pointer %u %u %u", &a, &b, &c) == 3) {
		SendPointerEvent(client, (int)a, (int)b, (int)c);
		printf("pointer\n");
	} else if (strncmp(line, "copy ", 5) == 0) {
		SendClientCutText(client, line + 5, (int)strlen(line + 5));
		printf("copy\n");
	} else {
		printf("what?\n");
	}
	fflush(stdout);
}

int main(int count, char **words)
{
	rfbClient *client = rfbGetClient(8, 3, 4);
	char line[4096];

	if (count != 4) {
		fprintf(stderr, "usage: libvncclient HOST PORT ENCODINGS\n");
		return 2;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	rfbEnableClientLogging = FALSE;
	client->MallocFrameBuffer = new_size;
	client->GotXCutText = copied;
	client->canHandleNewFBSize = TRUE;
	client->appData.encodingsString = words[3];
	client->appData.enableJPEG = FALSE;
	client->appData.shareDesktop = TRUE;
	client->format.redShift = 16;
	client->format.greenShift = 8;
	client->format.blueShift = 0;
	client->serverHost = strdup(words[1]);
	client->serverPort = atoi(words[2]);
	if (!rfbInitClient(client, NULL, NULL)) {
		fprintf(stderr, "libvncclient: cannot connect\n");
		return 1;
	}
	printf("connected\n");
	fflush(stdout);
	for (;;) {
		struct pollfd polls[] = {{.fd = 0, .events = POLLIN},
					 {.fd = client->sock, .events = POLLIN}};

		if (client->buffered == 0 && poll(polls, 2, 1000) < 0)
			return 1;
		/* The library keeps bytes that it has read ahead. */
		if (client->buffered > 0 || polls[1].revents) {
			if (!HandleRFBServerMessage(client)) {
				fprintf(stderr, "libvncclient: the connection has ended\n");
				return 1;
			}
			continue;
		}
		if (polls[0].revents) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			obey(client, line);
		}
	}
}
