// SPDX-License-Identifier: LGPL-2.1-or-later
import { Chart } from "/chart.js";
import { Model, bytes, bytesPerSecond, percent } from "/figures.js";
import { takeToken, dropToken } from "/token.js";

const RETRY_MS = 2000;
const PICTURE_MS = 3000;

const model = new Model();
let token = takeToken();
let seconds = 60; // shown
let chosen = false; // by somebody; else it grows with what is known
let selected = null; // a VM's id
let sorting = { name: "name", up: true };
let waiting = null; // what is being asked for

function find(id) {
	return document.getElementById(id);
}

function say(state, text, notice = "") {
	document.body.dataset.state = state;
	find("live-text").textContent = text;
	find("notice").textContent = notice;
	find("notice").hidden = !notice;
}

function ask(path, options = {}) {
	return fetch(path, { ...options, headers: { Authorization: `Bearer ${token}` } });
}

// --- The host --------------------------------------------------------------------------------------

const hostCharts = {
	cpu: new Chart({ title: "Processors", format: percent, top: 1, lines: [{ name: "cpu", label: "busy", colour: "blue", area: true }] }),
	memory: new Chart({ title: "Memory", format: bytes, top: 1, base: 1024, lines: [{ name: "used", label: "in use", colour: "teal", area: true }] }),
	stall: new Chart({ title: "Memory pressure", format: percent, top: 0.01, lines: [{ name: "stall", label: "stalled", colour: "orange", area: true }] }),
};

for (const chart of Object.values(hostCharts)) {
	chart.element.classList.add("card");
	find("host").append(chart.element);
}

function showHost() {
	const { host } = model, figures = host.figures;
	const count = model.vms.size, running = [...model.vms.values()].filter((vm) => vm.state === "running").length;

	find("summary").textContent = count === 0 ? "no virtual machine" :
		`${count} virtual machine${count === 1 ? "" : "s"}, ${running} running`;
	hostCharts.cpu.show(host, seconds, {
		now: percent(host.last("cpu")), top: 1,
		more: figures.Processors === null ? "" : `${figures.Processors} processor${figures.Processors === 1 ? "" : "s"}`,
	});
	hostCharts.memory.show(host, seconds, {
		now: bytes(host.last("used")), top: figures.MemoryTotal,
		more: `of ${bytes(figures.MemoryTotal)}${figures.SwapUsed ? `, and ${bytes(figures.SwapUsed)} of swap` : ""}`,
	});
	hostCharts.stall.show(host, seconds, { now: percent(host.last("stall")), more: "time in which tasks waited for memory" });
}

// --- The table -------------------------------------------------------------------------------------

function element(kind, name = "", text = "") {
	const made = document.createElement(kind);

	if (name)
		made.className = name;
	if (text)
		made.textContent = text;
	return made;
}

// Of two rates: one dash if neither is known.
function pairs(cell, ...both) {
	if (both.every(([, value]) => value === null))
		cell.replaceChildren("–");
	else
		cell.replaceChildren(...both.map(([sign, value]) => pair(sign, value)));
}

function pair(sign, value) {
	const made = element("span", value ? "pair" : "pair zero", bytesPerSecond(value));

	made.dataset.sign = sign;
	return made;
}

function part(bar, name, of) {
	let piece = bar.querySelector(`.${name}`);

	if (!piece) {
		piece = element("i", name);
		bar.append(piece);
	}
	if (name === "goal")
		piece.style.left = `calc(${100 * Math.min(1, of)}% - 2px)`;
	else
		piece.style.width = `${100 * Math.min(1, Math.max(0, of))}%`;
	return piece;
}

function meter(cell) {
	const made = element("div", "meter");

	made.append(element("div", "bar"), element("span", "value"));
	cell.append(made);
	return made;
}

function showCpu(cell, vm) {
	const made = cell.querySelector(".meter") ?? meter(cell);
	const value = vm.last("cpu"), processors = vm.figures.Processors || 1;
	const fill = part(made.querySelector(".bar"), "busy", (value ?? 0) / processors);

	fill.classList.toggle("high", value / processors > 0.9);
	made.querySelector(".value").textContent = percent(value);
}

function showMemory(cell, vm) {
	const made = cell.querySelector(".meter") ?? meter(cell);
	const bar = made.querySelector(".bar"), text = made.querySelector(".value");
	const whole = vm.last("maximum") || 1, has = vm.last("actual") ?? vm.last("maximum");

	part(bar, "has", (has ?? 0) / whole);
	part(bar, "used", Math.min(vm.last("used") ?? 0, has ?? whole) / whole);
	bar.querySelector(".goal")?.remove();
	if (vm.last("target") !== null && Math.abs(vm.last("target") - (has ?? 0)) > whole / 100)
		part(bar, "goal", vm.last("target") / whole);
	text.replaceChildren(bytes(vm.last("used")), element("small", "", ` of ${bytes(has)}`));
	bar.title = `in use ${bytes(vm.last("used"))}, has ${bytes(has)}, at most ${bytes(vm.last("maximum"))}`;
}

function showPressure(cell, vm) {
	const value = vm.last("stall");

	cell.textContent = percent(value);
	cell.classList.toggle("warn", value > 0.02 && value <= 0.1);
	cell.classList.toggle("bad", value > 0.1);
}

const KINDS = { vmm: "KVM", libvirt: "QEMU", domain: "libvirt" };

function describe(vm) {
	const count = vm.figures.Processors;

	return `${KINDS[vm.backend] ?? vm.backend}, ${count ?? "?"} processor${count === 1 ? "" : "s"}`;
}

function sum(vm, one, other) {
	return (vm.last(one) ?? 0) + (vm.last(other) ?? 0);
}

const columns = [
	{
		name: "name", title: "Name", up: true, value: (vm) => vm.name,
		show: (cell, vm) => { cell.replaceChildren(vm.name, element("small", "", describe(vm))); },
	},
	{
		name: "state", title: "State", up: true, value: (vm) => vm.state,
		show: (cell, vm) => { cell.replaceChildren(element("span", `badge ${vm.state}`, vm.state)); },
	},
	{ name: "cpu", title: "Processors", value: (vm) => vm.last("cpu") ?? -1, show: showCpu },
	{ name: "memory", title: "Memory", value: (vm) => vm.last("used") ?? -1, show: showMemory },
	{ name: "pressure", title: "Pressure", number: true, value: (vm) => vm.last("stall") ?? -1, show: showPressure },
	{
		name: "disk", title: "Disk: read, written", number: true, value: (vm) => sum(vm, "read", "written"),
		show: (cell, vm) => pairs(cell, ["r", vm.last("read")], ["w", vm.last("written")]),
	},
	{
		name: "network", title: "Network: received, sent", number: true, value: (vm) => sum(vm, "received", "sent"),
		show: (cell, vm) => pairs(cell, ["↓", vm.last("received")], ["↑", vm.last("sent")]),
	},
];

for (const column of columns) {
	const head = element("th", `${column.name}${column.number ? " number" : ""}`), button = element("button", "", column.title);

	button.type = "button";
	button.addEventListener("click", () => {
		sorting = { name: column.name, up: sorting.name === column.name ? !sorting.up : Boolean(column.up) };
		showTable();
	});
	head.scope = "col";
	head.append(button);
	find("columns").append(head);
}

function select(id) {
	if (selected !== id) {
		selected = id;
		dropPicture();
	}
	show();
}

function makeRow(vm) {
	const row = element("tr");

	row.dataset.id = vm.id;
	row.tabIndex = 0;
	for (const column of columns)
		row.append(element("td", `${column.name}${column.number ? " number" : ""}`));
	row.addEventListener("click", () => select(vm.id));
	row.addEventListener("keydown", (event) => {
		if (event.key === "Enter" || event.key === " ") {
			event.preventDefault();
			select(vm.id);
		}
	});
	return row;
}

function sorted() {
	const column = columns.find((one) => one.name === sorting.name), sign = sorting.up ? 1 : -1;

	return [...model.vms.values()].sort((a, b) => {
		const one = column.value(a), other = column.value(b);
		const order = typeof one === "string" ? one.localeCompare(other, undefined, { numeric: true }) : one - other;

		return order * sign || a.id.localeCompare(b.id);
	});
}

function showTable() {
	const rows = new Map([...find("rows").children].map((row) => [row.dataset.id, row]));
	const wanted = sorted().map((vm) => {
		const row = rows.get(vm.id) ?? makeRow(vm);

		columns.forEach((column, i) => column.show(row.children[i], vm));
		row.setAttribute("aria-selected", String(vm.id === selected));
		return row;
	});

	// Rows that stay where they are keep the keyboard's place.
	wanted.forEach((row, i) => {
		if (find("rows").children[i] !== row)
			find("rows").insertBefore(row, find("rows").children[i] ?? null);
	});
	while (find("rows").children.length > wanted.length)
		find("rows").lastChild.remove();
	[...find("columns").children].forEach((head, i) => {
		if (columns[i].name === sorting.name)
			head.setAttribute("aria-sort", sorting.up ? "ascending" : "descending");
		else
			head.removeAttribute("aria-sort");
	});
	find("none").hidden = wanted.length > 0;
	document.querySelector("#vms table").hidden = wanted.length === 0;
}

// --- One VM ----------------------------------------------------------------------------------------

const vmCharts = {
	cpu: new Chart({ title: "Processors", format: percent, top: 1, lines: [{ name: "cpu", label: "busy", colour: "blue", area: true }] }),
	memory: new Chart({
		title: "Memory", format: bytes, top: 1, base: 1024, lines: [
			{ name: "used", label: "in use", colour: "teal", area: true },
			{ name: "actual", label: "has", colour: "violet" },
			{ name: "target", label: "target", colour: "orange", thin: true },
		],
	}),
	pressure: new Chart({ title: "Memory pressure", format: percent, top: 0.01, lines: [{ name: "stall", label: "stalled", colour: "orange", area: true }] }),
	disk: new Chart({
		title: "Disks", format: bytesPerSecond, top: 65536, base: 1024, lines: [
			{ name: "read", label: "read", colour: "blue", area: true }, { name: "written", label: "written", colour: "orange" },
		],
	}),
	network: new Chart({
		title: "Network", format: bytesPerSecond, top: 65536, base: 1024, lines: [
			{ name: "received", label: "received", colour: "teal", area: true }, { name: "sent", label: "sent", colour: "violet" },
		],
	}),
};

for (const chart of Object.values(vmCharts))
	find("charts").append(chart.element);

function facts(vm) {
	const list = [describe(vm)];

	if (vm.figures.MemoryMaximum !== null)
		list.push(`${bytes(vm.figures.MemoryMaximum)} of memory at most`);
	if (vm.figures.MemoryResident !== null)
		list.push(`the host holds ${bytes(vm.figures.MemoryResident)}`);
	if (vm.figures.OutOfMemoryKills)
		list.push(`${vm.figures.OutOfMemoryKills} processes killed for want of memory`);
	return list.join(" · ");
}

function isKnown(vm, chart) {
	return chart.lines.some((line) => vm.values[line.name].some((value) => value !== null));
}

function showDetail() {
	const vm = model.vms.get(selected);

	find("detail").hidden = !vm;
	if (!vm)
		return;
	find("detail-name").textContent = vm.name;
	find("detail-state").textContent = vm.state;
	find("detail-state").className = `badge ${vm.state}`;
	find("detail-facts").textContent = facts(vm);
	for (const chart of Object.values(vmCharts))
		chart.element.hidden = !isKnown(vm, chart);
	vmCharts.cpu.show(vm, seconds, { now: percent(vm.last("cpu")), more: "of one processor", top: vm.figures.Processors || 1 });
	vmCharts.memory.show(vm, seconds, {
		now: bytes(vm.last("used")), top: vm.figures.MemoryMaximum, more: `of ${bytes(vm.figures.MemoryMaximum)} at most`,
	});
	vmCharts.pressure.show(vm, seconds, { now: percent(vm.last("stall")), more: "time in which the guest's tasks waited for memory" });
	vmCharts.disk.show(vm, seconds, { now: bytesPerSecond(sum(vm, "read", "written")), more: "read and written" });
	vmCharts.network.show(vm, seconds, { now: bytesPerSecond(sum(vm, "received", "sent")), more: "received and sent" });
	if (vm.screen !== "ready")
		dropPicture();
}

let pictureUrl = null, pictureOf = null;

function dropPicture() {
	find("screen").hidden = true;
	if (pictureUrl)
		URL.revokeObjectURL(pictureUrl);
	pictureUrl = pictureOf = null;
}

async function takePicture() {
	const vm = model.vms.get(selected);

	if (!vm || vm.screen !== "ready" || document.hidden)
		return;
	try {
		const answer = await ask(`/picture?vm=${encodeURIComponent(vm.id)}`);

		if (!answer.ok || selected !== vm.id)
			return;
		const url = URL.createObjectURL(await answer.blob());

		find("screen-picture").src = url;
		find("screen-picture").alt = `The screen of ${vm.name}`;
		if (pictureUrl)
			URL.revokeObjectURL(pictureUrl);
		pictureUrl = url;
		pictureOf = vm.id;
		find("screen").hidden = false;
	} catch {
		// The next one, maybe; whether lodge-web is there the figures tell.
	}
}

async function picturesForEver() {
	for (;;) {
		await takePicture();
		await sleep(pictureOf === selected ? PICTURE_MS : 500);
	}
}

find("screen-open").addEventListener("click", async () => {
	// Now, or the browser takes it for an advertisement.
	const tab = window.open("about:blank", "_blank");

	try {
		const answer = await ask(`/screen?vm=${encodeURIComponent(selected)}`, { method: "POST" });

		if (!answer.ok)
			throw new Error(await answer.text());
		const { address } = await answer.json();

		find("screen-open").dataset.address = address.replace(/#.*/, "");
		tab.opener = null;
		tab.location.replace(address);
	} catch (error) {
		tab?.close();
		say(document.body.dataset.state, find("live-text").textContent, `The screen cannot be opened: ${error.message}`);
	}
});

// --- What is new -----------------------------------------------------------------------------------

const ranges = [...document.querySelectorAll(".ranges button")];

function findRange() {
	const time = model.host.time, known = (time.at(-1) - time[0]) / 1000;

	if (!chosen)
		seconds = ranges.map((button) => Number(button.dataset.seconds)).find((one) => one >= known) ?? seconds;
	for (const button of ranges)
		button.setAttribute("aria-pressed", String(Number(button.dataset.seconds) === seconds));
}

function show() {
	if (!model.number)
		return;
	findRange();
	if (!model.vms.has(selected)) {
		dropPicture();
		selected = sorted()[0]?.id ?? null;
	}
	showHost();
	showTable();
	showDetail();
}

function sleep(milliseconds) {
	return new Promise((done) => { setTimeout(done, milliseconds); });
}

function visible() {
	return new Promise((done) => {
		if (!document.hidden)
			done();
		else
			document.addEventListener("visibilitychange", () => done(), { once: true });
	});
}

async function takeNews() {
	waiting = new AbortController();
	const answer = await ask(`/history?since=${model.number}`, { signal: waiting.signal });

	if (answer.status === 401)
		return false;
	if (!answer.ok)
		throw new Error(await answer.text());
	const { keys, points } = await answer.json();

	for (const point of points)
		model.add(keys, point);
	say("live", "live");
	show();
	return true;
}

async function follow() {
	for (;;) {
		await visible();
		try {
			if (!await takeNews())
				break;
		} catch (error) {
			if (error.name === "AbortError")
				continue;
			say("trouble", "waiting", "lodged does not answer. It is asked again and again; “lodge web” starts it.");
			await sleep(RETRY_MS);
		}
	}
	dropToken();
	say("refused", "closed", "This address is not valid any more: “lodge web” prints a new one.");
}

for (const button of ranges) {
	button.addEventListener("click", () => {
		seconds = Number(button.dataset.seconds);
		chosen = true;
		show();
	});
}
// Nobody looks: nothing is measured.
document.addEventListener("visibilitychange", () => {
	if (document.hidden)
		waiting?.abort();
});
window.addEventListener("resize", show);
window.addEventListener("hashchange", () => location.reload());

if (token) {
	follow();
	picturesForEver();
} else {
	say("refused", "closed", "To see it, open the whole address that “lodge web” prints.");
}
