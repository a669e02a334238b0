// SPDX-License-Identifier: LGPL-2.1-or-later
// Points in time as series: of what is counted, the rate; of what is measured, the value. What is not known is null.

export const MAX_POINTS = 900;
// Points further apart than that have nothing between them.
export const GAP_MS = 5000;

const SECOND = 1e9;

function named(keys, values) {
	const figures = {};

	keys.forEach((key, index) => { figures[key] = values[index]; });
	return figures;
}

// What a counter grew by in a second; null where that cannot be told.
function rate(now, before, key) {
	if (!before || now[key] === null || before[key] === null || now.Time <= before.Time || now[key] < before[key])
		return null;
	return (now[key] - before[key]) * SECOND / (now.Time - before.Time);
}

// A counter of nanoseconds: the share of the time.
function share(now, before, key) {
	const grown = rate(now, before, key);

	return grown === null ? null : grown / SECOND;
}

function used(figures) {
	if (figures.MemoryAvailable !== null) {
		const has = figures.MemoryActual ?? figures.MemoryMaximum;

		return has === null ? null : Math.max(0, has - figures.MemoryAvailable);
	}
	return figures.MemoryResident;
}

export class Series {
	constructor(names) {
		this.time = [];
		this.values = Object.fromEntries(names.map((name) => [name, []]));
		this.figures = null;
	}

	add(time, values) {
		this.time.push(time);
		for (const [name, list] of Object.entries(this.values))
			list.push(values[name] ?? null);
		if (this.time.length > MAX_POINTS) {
			this.time.shift();
			Object.values(this.values).forEach((list) => list.shift());
		}
	}

	last(name) {
		return this.values[name].at(-1) ?? null;
	}
}

const HOST = ["cpu", "used", "total", "stall", "swap"];
const VM = ["cpu", "maximum", "actual", "target", "used", "resident", "stall", "read", "written", "received", "sent"];

export class Model {
	constructor() {
		this.number = 0;
		this.host = new Series(HOST);
		this.vms = new Map(); // by id
	}

	add(keys, point) {
		// Another lodge-web counts anew.
		this.number = point.n;
		this.addHost(point.t, named(keys.host, point.host));
		const present = new Set();

		for (const vm of point.vms) {
			present.add(vm.id);
			this.addVm(point.t, vm, named(keys.vm, vm.f));
		}
		for (const id of this.vms.keys()) {
			if (!present.has(id))
				this.vms.delete(id);
		}
	}

	addHost(time, figures) {
		const before = this.host.figures;
		const cpu = share(figures, before, "CpuTime");

		this.host.figures = figures;
		this.host.add(time, {
			cpu: cpu === null ? null : Math.min(1, cpu / (figures.Processors || 1)),
			used: figures.MemoryTotal === null ? null : figures.MemoryTotal - (figures.MemoryAvailable ?? 0),
			total: figures.MemoryTotal,
			stall: share(figures, before, "MemoryStallTime"),
			swap: figures.SwapUsed,
		});
	}

	addVm(time, vm, figures) {
		let series = this.vms.get(vm.id);

		if (!series) {
			series = new Series(VM);
			this.vms.set(vm.id, series);
		}
		// A round in which it did not answer says nothing new.
		const again = series.figures && series.figures.Time === figures.Time;
		const before = again ? null : series.figures;

		Object.assign(series, { id: vm.id, name: vm.name, state: vm.state, backend: vm.backend, screen: vm.screen });
		series.figures = figures;
		series.add(time, {
			cpu: share(figures, before, "CpuTime"),
			maximum: figures.MemoryMaximum,
			actual: figures.MemoryActual,
			target: figures.MemoryTarget,
			used: used(figures),
			resident: figures.MemoryResident,
			stall: share(figures, before, "MemoryStallTime"),
			read: rate(figures, before, "DiskReadBytes"),
			written: rate(figures, before, "DiskWrittenBytes"),
			received: rate(figures, before, "NetworkReceivedBytes"),
			sent: rate(figures, before, "NetworkSentBytes"),
		});
	}
}

// --- Numbers for people --------------------------------------------------------------------------

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value) {
	let unit = 0;

	if (value === null)
		return "–";
	while (value >= 1000 && unit < UNITS.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${value.toFixed(unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)} ${UNITS[unit]}`;
}

export function bytesPerSecond(value) {
	return value === null ? "–" : `${bytes(value)}/s`;
}

export function percent(value) {
	if (value === null)
		return "–";
	if (value < 0.0005)
		return "0 %";
	return `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
}
