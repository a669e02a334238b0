/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/render.h"

#include "host/http/json.h"
#include "host/statistics/snapshot.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <inttypes.h>

#define NANOSECONDS 1000000000U

/* --- JSON ------------------------------------------------------------------------------------- */

static void put_keys(const char *name, const struct figure_table *table, FILE *file)
{
	fprintf(file, "\"%s\":[", name);
	for (size_t i = 0; i < table->count; i++)
		fprintf(file, "%s\"%s\"", i ? "," : "", table->figure[i].key);
	fputc(']', file);
}

void render_keys(FILE *file)
{
	fputc('{', file);
	put_keys("host", &host_figure_table, file);
	fputc(',', file);
	put_keys("vm", &vm_figure_table, file);
	fputc('}', file);
}

static void put_figures(const struct figures *figures, size_t count, FILE *file)
{
	fputc('[', file);
	for (unsigned int i = 0; i < count; i++) {
		if (i)
			fputc(',', file);
		if (figures_have(figures, i))
			fprintf(file, "%" PRIu64, figures->value[i]);
		else
			fputs("null", file);
	}
	fputc(']', file);
}

static void put_text(const char *name, struct slice text, FILE *file)
{
	char json[JSON_SIZE(SNAPSHOT_MAX_TEXT)];

	json_put(text, json, sizeof(json));
	fprintf(file, "\"%s\":\"%s\",", name, json);
}

int render_point(struct slice snapshot, uint64_t number, FILE *file)
{
	struct cbor_reader reader = CBOR_READER(snapshot);
	struct snapshot_host host;
	struct snapshot_vm vm;
	const char *comma = "";
	int result = snapshot_get_host(&reader, &host);

	if (result < 0)
		return result;
	fprintf(file, "{\"n\":%" PRIu64 ",\"t\":%" PRIu64 ",\"host\":", number, host.realtime_ms);
	put_figures(&host.figures, host_figure_table.count, file);
	fputs(",\"vms\":[", file);
	while ((result = snapshot_get_vm(&reader, &vm)) > 0) {
		fprintf(file, "%s{", comma);
		put_text("id", vm.id, file);
		put_text("name", vm.name, file);
		put_text("state", vm.state, file);
		put_text("backend", vm.backend, file);
		put_text("screen", vm.screen, file);
		fputs("\"f\":", file);
		put_figures(&vm.figures, vm_figure_table.count, file);
		fputc('}', file);
		comma = ",";
	}
	fputs("]}", file);
	return result;
}

/* --- Prometheus ------------------------------------------------------------------------------- */

static void put_head(const struct figure *figure, FILE *file)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", figure->metric, figure->help, figure->metric,
		figure->kind == FIGURE_COUNTER ? "counter" : "gauge");
}

static void put_value(const struct figure *figure, uint64_t value, FILE *file)
{
	if (figure->unit == FIGURE_NANOSECONDS)
		fprintf(file, " %" PRIu64 ".%09u\n", value / NANOSECONDS,
			(unsigned int)(value % NANOSECONDS));
	else
		fprintf(file, " %" PRIu64 "\n", value);
}

/* A label's value: backslash, quote and newline are escaped, other control characters left out. */
static void put_label(struct slice text, FILE *file)
{
	fputc('"', file);
	for (size_t i = 0; i < text.length; i++) {
		uint8_t byte = text.bytes[i];

		if (byte == '\n')
			fputs("\\n", file);
		else if (byte == '"' || byte == '\\')
			fprintf(file, "\\%c", byte);
		else if (byte >= ' ' && byte != 0x7f)
			fputc(byte, file);
	}
	fputc('"', file);
}

static void put_host_metrics(const struct snapshot_host *host, FILE *file)
{
	for (unsigned int i = 0; i < host_figure_table.count; i++) {
		const struct figure *figure = &host_figure_table.figure[i];

		if (!figure->metric || !figures_have(&host->figures, i))
			continue;
		put_head(figure, file);
		fputs(figure->metric, file);
		put_value(figure, host->figures.value[i], file);
	}
}

/* All of a metric stand together, so that the VMs are walked once for each. */
static int put_vm_metric(struct cbor_reader reader, unsigned int index, FILE *file)
{
	const struct figure *figure = &vm_figure_table.figure[index];
	bool begun = false;
	struct snapshot_vm vm;
	int result;

	while ((result = snapshot_get_vm(&reader, &vm)) > 0) {
		if (!figures_have(&vm.figures, index))
			continue;
		if (!begun)
			put_head(figure, file);
		begun = true;
		fprintf(file, "%s{vm=", figure->metric);
		put_label(vm.name, file);
		fputc('}', file);
		put_value(figure, vm.figures.value[index], file);
	}
	return result;
}

static int put_states(struct cbor_reader reader, FILE *file)
{
	struct snapshot_vm vm;
	int result;

	fputs("# HELP lodge_vm_info What the VM is; always 1.\n# TYPE lodge_vm_info gauge\n", file);
	while ((result = snapshot_get_vm(&reader, &vm)) > 0) {
		fputs("lodge_vm_info{vm=", file);
		put_label(vm.name, file);
		fputs(",state=", file);
		put_label(vm.state, file);
		fputs(",backend=", file);
		put_label(vm.backend, file);
		fputs("} 1\n", file);
	}
	return result;
}

int render_metrics(struct slice snapshot, FILE *file)
{
	struct cbor_reader reader = CBOR_READER(snapshot);
	struct snapshot_host host;
	int result = snapshot_get_host(&reader, &host);

	if (result < 0)
		return result;
	put_host_metrics(&host, file);
	result = put_states(reader, file);
	for (unsigned int i = 0; result == 0 && i < vm_figure_table.count; i++) {
		if (vm_figure_table.figure[i].metric)
			result = put_vm_metric(reader, i, file);
	}
	return result;
}
