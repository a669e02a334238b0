/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/clipboard_files.h"

#include "host/cli/copy/copy.h"
#include "host/cli/copy/host_tree.h"
#include "host/cli/copy/place.h"
#include "host/cli/screen/uri_list.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0755 /* the desktop's user reads it */

static int make_guest_folder(struct agent *agent, char *path, size_t capacity)
{
	struct file_write_params params = {
		.set_mode = true, .mode = FOLDER_MODE, .exclusive = true};
	uint8_t reply[1024];
	uint64_t number = 0;
	ssize_t length;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	snprintf(path, capacity, "/tmp/lodge-clipboard-%016" PRIx64, number);
	params.path = slice_of(path);
	length = agent_call(agent, "file.mkdir", &message_file_write_params, &params, 0, reply,
			    sizeof(reply));
	if (length < 0)
		log_error("%s: cannot make %s in the guest: %s", agent->vm, path, (char *)reply);
	return length < 0 ? (int)length : 0;
}

static void start(struct copy *copy, struct agent *agent, const char *name)
{
	copy_init(copy, agent);
	copy->recursive = true;
	progress_start(&copy->progress, name);
}

static int send_one(struct agent *agent, const char *source, const char *folder,
		    struct screen_bytes *list)
{
	char name[NAME_MAX + 1], target[URI_LIST_PATH_MAX];
	struct copy copy;
	int r = place_base_name(source, name, sizeof(name));

	if (r == 0 &&
	    snprintf(target, sizeof(target), "%s/%s", folder, name) >= (int)sizeof(target))
		r = -ENAMETOOLONG;
	if (r < 0) {
		log_error("clipboard: '%s' has no name to be pasted by: %s", source, error_text(r));
		return r;
	}
	start(&copy, agent, source);
	upload_begin(&copy, source, target);
	copy_run(&copy);
	upload_finish(&copy);
	return copy.failures || copy.stopping ? -EIO : uri_list_add(list, target);
}

int clipboard_files_send(struct client *client, const char *vm, char *const *paths, size_t count,
			 struct screen_bytes *list)
{
	_cleanup_agent_ struct agent *agent = NULL;
	char folder[64];
	int r = agent_open(client, vm, &agent);

	if (r == 0)
		r = make_guest_folder(agent, folder, sizeof(folder));
	for (size_t i = 0; r == 0 && i < count; i++)
		r = send_one(agent, paths[i], folder, list);
	return r;
}

static int fetch_one(struct agent *agent, const char *path, const char *folder)
{
	struct path_params params = {.path = slice_of(path), .follow = true};
	uint8_t reply[2 * MESSAGE_PATH_MAX];
	char name[NAME_MAX + 1];
	struct file_stat stat;
	struct copy copy;
	ssize_t length = agent_call(agent, "file.stat", &message_path_params, &params, 0, reply,
				    sizeof(reply));
	int r = length < 0 ? (int)length
			   : message_decode(&message_file_stat,
					    (struct slice){reply, (size_t)length}, &stat);

	if (r == 0)
		r = place_base_name(path, name, sizeof(name));
	if (r == 0 && !host_tree_name_is_valid(name, strlen(name)))
		r = -EINVAL;
	if (r < 0) {
		log_error("%s: a file that was copied there cannot be had: %s", agent->vm,
			  length < 0 ? (char *)reply : error_text(r));
		return r;
	}
	start(&copy, agent, path);
	copy.root = host_tree_open_root(folder);
	if (copy.root < 0) {
		log_error("clipboard: cannot open '%s': %s", folder, error_text(copy.root));
		return copy.root;
	}
	download_begin(&copy, &stat, path, name);
	copy_run(&copy);
	download_finish(&copy);
	close(copy.root);
	return copy.failures || copy.stopping ? -EIO : 0;
}

int clipboard_files_fetch(struct client *client, const char *vm, const struct screen_bytes *list,
			  const char *folder)
{
	_cleanup_agent_ struct agent *agent = NULL;
	char path[URI_LIST_PATH_MAX];
	size_t at = 0;
	int r = agent_open(client, vm, &agent);

	if (r < 0)
		return r;
	if (mkdir(folder, 0777) < 0) {
		r = -errno;
		log_error("clipboard: cannot make the folder '%s': %s", folder, error_text(r));
		return r;
	}
	while ((r = uri_list_next(list, &at, path)) > 0) {
		r = fetch_one(agent, path, folder);
		if (r < 0)
			return r;
	}
	if (r < 0)
		log_error("%s: what was copied there is not files of the guest", vm);
	return r;
}
