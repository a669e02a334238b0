/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/display/card.h"

#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define CARDS	    16
#define CLASS_DRM   "/sys/class/drm"
#define DETECT	    "detect"
#define UNCONNECTED DRM_MODE_DISCONNECTED

static void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void cleanup_resources(drmModeResPtr *resources)
{
	drmModeFreeResources(*resources);
}

static void cleanup_connector(drmModeConnectorPtr *connector)
{
	drmModeFreeConnector(*connector);
}

/* -1: there is none. */
static int first_card(void)
{
	for (int number = 0; number < CARDS; number++) {
		char path[64];

		snprintf(path, sizeof(path), "/dev/dri/card%d", number);
		if (access(path, F_OK) == 0)
			return number;
	}
	return -1;
}

bool card_exists(void)
{
	return first_card() >= 0;
}

/* The mode that a connector's CRTC shows, if any. */
static void read_mode(int fd, const drmModeConnector *connector, struct head *head)
{
	drmModeEncoderPtr encoder =
		connector->encoder_id ? drmModeGetEncoder(fd, connector->encoder_id) : NULL;
	drmModeCrtcPtr crtc =
		encoder && encoder->crtc_id ? drmModeGetCrtc(fd, encoder->crtc_id) : NULL;

	if (crtc && crtc->mode_valid) {
		head->enabled = true;
		head->width = crtc->mode.hdisplay;
		head->height = crtc->mode.vdisplay;
		head->x = (int32_t)crtc->x;
		head->y = (int32_t)crtc->y;
		head->scale_milli = 1000;
	}
	drmModeFreeCrtc(crtc);
	drmModeFreeEncoder(encoder);
}

static void read_connector(int fd, uint32_t id, unsigned int place, struct card_state *state)
{
	_cleanup_(cleanup_connector) drmModeConnectorPtr connector =
		drmModeGetConnectorCurrent(fd, id);
	struct head *head = &state->heads.heads[state->heads.count];
	const char *type;

	if (!connector || connector->connection == UNCONNECTED)
		return;
	type = drmModeGetConnectorTypeName(connector->connector_type);
	*head = (struct head){.primary = state->heads.count == 0};
	snprintf(head->connector, sizeof(head->connector), "%s-%u", type ? type : "Unknown",
		 connector->connector_type_id);
	head->head = head_of_connector(head->connector, place);
	if (head_list_find(&state->heads, head->head))
		return; /* another kind of connector with the same number */
	read_mode(fd, connector, head);
	state->heads.count++;
}

int card_read(struct card_state *state)
{
	_cleanup_(cleanup_resources) drmModeResPtr resources = NULL;
	_cleanup_close_ int fd = -EBADF;
	const int number = first_card();
	char path[64];

	*state = (struct card_state){0};
	if (number < 0)
		return -ENODEV;
	snprintf(path, sizeof(path), "/dev/dri/card%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* Not refused: nobody else was master, and we are no longer. */
	state->mastered = drmDropMaster(fd) != 0;
	resources = drmModeGetResources(fd);
	if (!resources)
		return errno == EOPNOTSUPP ? -ENODEV : -errno; /* a card that drives no screens */
	for (int i = 0; i < resources->count_connectors && state->heads.count < DISPLAY_MAX_HEADS;
	     i++)
		read_connector(fd, resources->connectors[i], (unsigned int)i, state);
	return 0;
}

#define ATTRIBUTE_BYTES 32

/* The first line of a connector's file; empty if there is none. */
static void read_attribute(const char *connector, const char *attribute, char text[ATTRIBUTE_BYTES])
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -EBADF;
	ssize_t length;

	snprintf(path, sizeof(path), CLASS_DRM "/%s/%s", connector, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? 0 : read(fd, text, ATTRIBUTE_BYTES - 1);
	text[length < 0 ? 0 : length] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

static bool attribute_is(const char *connector, const char *attribute, const char *word)
{
	char text[ATTRIBUTE_BYTES];

	read_attribute(connector, attribute, text);
	return strcmp(text, word) == 0;
}

/* Calls @visit with the folder of each connector of the first card. */
static int each_connector(void (*visit)(const char *connector, const char *name, void *owner),
			  void *owner)
{
	_cleanup_(cleanup_closedir) DIR *dir = opendir(CLASS_DRM);
	const int number = first_card();
	const struct dirent *entry;
	char prefix[16];

	if (!dir || number < 0)
		return -ENODEV;
	snprintf(prefix, sizeof(prefix), "card%d-", number);
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			visit(entry->d_name, entry->d_name + strlen(prefix), owner);
	}
	return 0;
}

static void list_one(const char *connector, const char *name, void *owner)
{
	struct card_state *state = owner;
	struct head *head = &state->heads.heads[state->heads.count];
	const unsigned int number = head_of_connector(name, (unsigned int)state->heads.count);

	if (state->heads.count == DISPLAY_MAX_HEADS || strlen(name) >= sizeof(head->connector) ||
	    !attribute_is(connector, "status", "connected") ||
	    head_list_find(&state->heads, number))
		return;
	*head = (struct head){
		.head = number,
		.enabled = attribute_is(connector, "enabled", "enabled"),
		.primary = number == 0,
	};
	strcpy(head->connector, name);
	state->heads.count++;
}

int card_list(struct card_state *state)
{
	*state = (struct card_state){.mastered = true};
	return each_connector(list_one, state);
}

/* The kernel lists a monitor's preferred mode first. */
static void wish_of_one(const char *connector, const char *name, void *owner)
{
	struct head_list *wishes = owner;
	struct head *head = &wishes->heads[wishes->count];
	const unsigned int number = head_of_connector(name, (unsigned int)wishes->count);
	char mode[ATTRIBUTE_BYTES];

	if (wishes->count == DISPLAY_MAX_HEADS || strlen(name) >= sizeof(head->connector) ||
	    head_list_find(wishes, number))
		return;
	*head = (struct head){.head = number};
	strcpy(head->connector, name);
	read_attribute(connector, "modes", mode);
	head->enabled = attribute_is(connector, "status", "connected") &&
			sscanf(mode, "%5ux%5u", &head->width, &head->height) == 2;
	wishes->count++;
}

int card_wishes(struct head_list *wishes)
{
	*wishes = (struct head_list){0};
	return each_connector(wish_of_one, wishes);
}

static void reprobe_one(const char *connector, const char *name, void *owner)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -EBADF;
	int *error = owner;

	(void)name;
	snprintf(path, sizeof(path), CLASS_DRM "/%s/status", connector);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, DETECT, strlen(DETECT)) < 0)
		*error = -errno;
	else if (*error == -ENODEV)
		*error = 0;
}

int card_reprobe(void)
{
	int error = -ENODEV;

	each_connector(reprobe_one, &error);
	return error;
}
