/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/statistics/snapshot.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <string.h>

#define REALTIME "realtime_ms"
#define FIGURES	 "figures"

/* --- Writing ---------------------------------------------------------------------------------- */

static void put_figures(struct cbor_writer *writer, const struct figure_table *table,
			const struct figures *figures)
{
	cbor_put_text(writer, SLICE_LITERAL(FIGURES));
	cbor_put_map(writer, (uint64_t)__builtin_popcount(figures->known));
	for (unsigned int i = 0; i < table->count; i++) {
		if (!figures_have(figures, i))
			continue;
		cbor_put_text(writer, slice_of(table->figure[i].key));
		cbor_put_uint(writer, figures->value[i]);
	}
}

struct slice snapshot_put_host(const struct snapshot_host *host, uint8_t bytes[SNAPSHOT_ITEM_SIZE])
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = SNAPSHOT_ITEM_SIZE};

	cbor_put_map(&writer, 2);
	cbor_put_text(&writer, SLICE_LITERAL(REALTIME));
	cbor_put_uint(&writer, host->realtime_ms);
	put_figures(&writer, &host_figure_table, &host->figures);
	return cbor_written(&writer);
}

/* Which texts a VM has, for both directions. */
static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{"id", offsetof(struct snapshot_vm, id)},
	{"name", offsetof(struct snapshot_vm, name)},
	{"state", offsetof(struct snapshot_vm, state)},
	{"backend", offsetof(struct snapshot_vm, backend)},
	{"screen", offsetof(struct snapshot_vm, screen)},
};

struct slice snapshot_put_vm(const struct snapshot_vm *vm, uint8_t bytes[SNAPSHOT_ITEM_SIZE])
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = SNAPSHOT_ITEM_SIZE};

	cbor_put_map(&writer, ARRAY_SIZE(texts) + 1);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct slice *text =
			(const struct slice *)((const char *)vm + texts[i].offset);

		cbor_put_text(&writer, slice_of(texts[i].key));
		cbor_put_text(&writer,
			      (struct slice){text->bytes, MIN(text->length, SNAPSHOT_MAX_TEXT)});
	}
	put_figures(&writer, &vm_figure_table, &vm->figures);
	return cbor_written(&writer);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void get_figures(struct cbor_reader *reader, const struct figure_table *table,
			struct figures *figures)
{
	*figures = (struct figures){0};
	for (uint64_t left = cbor_get_map(reader); left > 0 && !reader->error; left--) {
		struct slice key = cbor_get_text(reader);
		unsigned int i = 0;

		while (i < table->count && !slice_is(key, table->figure[i].key))
			i++;
		if (i < table->count)
			figures_set(figures, i, cbor_get_uint(reader));
		else
			cbor_skip(reader);
	}
}

int snapshot_get_host(struct cbor_reader *reader, struct snapshot_host *host)
{
	*host = (struct snapshot_host){0};
	for (uint64_t left = cbor_get_map(reader); left > 0 && !reader->error; left--) {
		struct slice key = cbor_get_text(reader);

		if (slice_is(key, REALTIME))
			host->realtime_ms = cbor_get_uint(reader);
		else if (slice_is(key, FIGURES))
			get_figures(reader, &host_figure_table, &host->figures);
		else
			cbor_skip(reader);
	}
	return reader->error;
}

/* Text that a VM has; false: the key is another's. */
static bool get_text(struct cbor_reader *reader, struct slice key, struct snapshot_vm *vm)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct slice *text = (struct slice *)((char *)vm + texts[i].offset);

		if (!slice_is(key, texts[i].key))
			continue;
		*text = cbor_get_text(reader);
		if (text->length > SNAPSHOT_MAX_TEXT)
			reader->error = -EBADMSG;
		return true;
	}
	return false;
}

int snapshot_get_vm(struct cbor_reader *reader, struct snapshot_vm *vm)
{
	*vm = (struct snapshot_vm){0};
	if (!reader->error && reader->at == reader->length)
		return 0;
	for (uint64_t left = cbor_get_map(reader); left > 0 && !reader->error; left--) {
		struct slice key = cbor_get_text(reader);

		if (slice_is(key, FIGURES))
			get_figures(reader, &vm_figure_table, &vm->figures);
		else if (!get_text(reader, key, vm))
			cbor_skip(reader);
	}
	if (!reader->error && vm->id.length == 0)
		reader->error = -EBADMSG;
	return reader->error ? reader->error : 1;
}
