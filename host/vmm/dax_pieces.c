/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/dax_pieces.h"

#include "protocol/base/cleanup.h"

#include <stdlib.h>
#include <string.h>

struct dax_file *dax_hold_file(struct dax_window *window, const struct stat *status, int *fd)
{
	struct dax_file *file = window->files;

	while (file && (file->device != status->st_dev || file->inode != status->st_ino))
		file = file->next;
	if (!file && window->open_files < window->max_open_files)
		file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	if (file->pieces++ == 0) {
		*file = (struct dax_file){status->st_dev, status->st_ino, take_fd(fd), 1,
					  window->files};
		window->files = file;
		window->open_files++;
	}
	return file;
}

void dax_release_file(struct dax_window *window, struct dax_file *file)
{
	struct dax_file **at = &window->files;

	if (!file || --file->pieces > 0)
		return;
	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	window->open_files--;
	cleanup_close(&file->fd);
	free(file);
}

size_t dax_find(const struct dax_window *window, uint64_t offset)
{
	size_t low = 0, high = window->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (window->piece[middle].end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void dax_insert(struct dax_window *window, size_t at, struct dax_piece piece)
{
	memmove(&window->piece[at + 1], &window->piece[at],
		(window->count - at) * sizeof(window->piece[0]));
	window->piece[at] = piece;
	window->count++;
}

void dax_split(struct dax_window *window, uint64_t offset)
{
	size_t at = dax_find(window, offset);
	struct dax_piece *piece = &window->piece[at];

	if (at == window->count || piece->start >= offset)
		return;
	dax_insert(window, at, *piece);
	window->piece[at].end = window->piece[at + 1].start = offset;
	window->piece[at + 1].file_offset += offset - window->piece[at].start;
	if (window->piece[at].file)
		window->piece[at].file->pieces++;
}

void dax_drop(struct dax_window *window, const struct dax_piece *piece)
{
	if (piece->missing)
		dax_clear_shadow(window, piece->start, piece->end);
	dax_release_file(window, piece->file);
}

void dax_forget(struct dax_window *window, uint64_t start, uint64_t end)
{
	size_t first, last;

	dax_split(window, start);
	dax_split(window, end);
	first = last = dax_find(window, start);
	for (; last < window->count && window->piece[last].start < end; last++)
		dax_drop(window, &window->piece[last]);
	memmove(&window->piece[first], &window->piece[last],
		(window->count - last) * sizeof(window->piece[0]));
	window->count -= last - first;
}

bool dax_join(struct dax_window *window, size_t at)
{
	struct dax_piece *piece = &window->piece[at], *before = piece - 1;

	if (at == 0 || before->end != piece->start || !piece->file || before->file != piece->file ||
	    before->file_offset + (before->end - before->start) != piece->file_offset ||
	    before->writable != piece->writable || before->missing || piece->missing)
		return false;
	before->end = piece->end;
	dax_release_file(window, piece->file);
	memmove(piece, piece + 1, (window->count - at - 1) * sizeof(*piece));
	window->count--;
	return true;
}
