// SPDX-License-Identifier: LGPL-2.1-or-later
// A chart of lines over time, as SVG, with what was at the time the pointer is at.
import { GAP_MS } from "/figures.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 60; // the scale's words
const TOP = 8;
const BOTTOM = 18; // the times

function make(parent, kind, attributes = {}) {
	const element = document.createElementNS(SVG, kind);

	for (const [name, value] of Object.entries(attributes))
		element.setAttribute(name, value);
	parent.append(element);
	return element;
}

// The next round number of that kind: bytes go in powers of two.
function roundUp(value, base) {
	const unit = base ** Math.floor(Math.log(value) / Math.log(base));
	const steps = base === 10 ? [1, 2, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

	return steps.map((step) => step * unit).find((step) => step >= value * 0.9999) ?? base * unit;
}

function ago(seconds) {
	if (seconds === 0)
		return "now";
	return seconds < 60 ? `${seconds} s` : `${seconds / 60} min`;
}

export class Chart {
	// lines: [{name, label, colour, thin, area}]; format: of a value; top: the scale's least end; base: 10 or 1024.
	constructor({ title, lines, format, top, base = 10 }) {
		this.lines = lines;
		this.format = format;
		this.least = top;
		this.base = base;
		this.element = document.createElement("div");
		this.element.className = "chart";
		this.element.dataset.chart = title;
		const head = this.add(this.element, "div", "top");

		this.add(head, "h3").textContent = title;
		this.now = this.add(head, "span", "now");
		this.more = this.add(this.element, "div", "more");
		this.svg = make(this.element, "svg", { role: "img", "aria-label": title });
		this.key = this.add(this.element, "div", "key");
		this.values = lines.map((line) => {
			const entry = this.add(this.key, "span");

			this.add(entry, "i", line.colour);
			entry.append(line.label + " ");
			return this.add(entry, "b");
		});
		this.svg.addEventListener("pointermove", (event) => { this.point(event); });
		this.svg.addEventListener("pointerleave", () => {
			this.at = null;
			this.more.textContent = this.words;
			this.draw();
		});
	}

	add(parent, kind, name = "") {
		const element = document.createElement(kind);

		if (name)
			element.className = name;
		parent.append(element);
		return element;
	}

	// top: of the scale now, if it has one of its own.
	show(series, seconds, { now, more = "", top } = {}) {
		Object.assign(this, { series, seconds, top, words: more });
		this.now.textContent = now;
		this.more.textContent = more;
		this.draw();
	}

	point(event) {
		const box = this.svg.getBoundingClientRect();

		this.at = event.clientX - box.left;
		this.draw();
	}

	x(time) {
		return this.width - (this.end - time) / 1000 / this.seconds * (this.width - LEFT);
	}

	y(value) {
		return this.height - BOTTOM - Math.min(1, value / this.scale) * (this.height - BOTTOM - TOP);
	}

	draw() {
		if (!this.series || !this.element.isConnected)
			return;
		this.width = Math.max(160, this.svg.clientWidth);
		this.height = Math.max(60, this.svg.clientHeight);
		this.end = this.series.time.at(-1) ?? 0;
		this.first = this.series.time.findIndex((time) => this.end - time <= this.seconds * 1000);
		this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
		this.svg.replaceChildren();
		this.scale = this.findScale();
		this.drawGrid();
		this.lines.forEach((line) => this.drawLine(line));
		this.drawPointer();
	}

	findScale() {
		let most = this.least;

		if (this.top)
			return this.top;
		for (const line of this.lines) {
			for (const value of this.series.values[line.name].slice(this.first))
				most = Math.max(most, value ?? 0);
		}
		return roundUp(most, this.base);
	}

	drawGrid() {
		for (const part of [0, 0.5, 1]) {
			const y = this.y(this.scale * part);

			make(this.svg, "line", { x1: LEFT, x2: this.width, y1: y, y2: y, class: "grid" });
			make(this.svg, "text", { x: LEFT - 7, y: y + 4, "text-anchor": "end", class: "label" }).textContent =
				this.format(this.scale * part).replace(/\.0+(?= )/, "").replace(/(\.\d)0(?= )/, "$1");
		}
		for (const part of [1, 0.5, 0]) {
			const x = LEFT + (1 - part) * (this.width - LEFT);

			make(this.svg, "text", {
				x, y: this.height - 3, class: "label", "text-anchor": part === 1 ? "start" : part === 0 ? "end" : "middle",
			}).textContent = ago(this.seconds * part);
		}
	}

	// Pieces without a gap: [[x, y], ...].
	pieces(values) {
		const pieces = [];
		let piece = [], before = null;

		for (let i = this.first; i >= 0 && i < values.length; i++) {
			const time = this.series.time[i];

			if (values[i] === null || (before !== null && time - before > GAP_MS)) {
				if (piece.length)
					pieces.push(piece);
				piece = [];
			}
			if (values[i] !== null)
				piece.push([this.x(time), this.y(values[i])]);
			before = time;
		}
		if (piece.length)
			pieces.push(piece);
		return pieces;
	}

	drawLine(line) {
		const base = this.height - BOTTOM;

		for (const piece of this.pieces(this.series.values[line.name])) {
			const path = piece.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");

			if (line.area)
				make(this.svg, "path", {
					d: `M${piece[0][0].toFixed(1)} ${base}L${path}L${piece.at(-1)[0].toFixed(1)} ${base}Z`,
					class: `area ${line.colour}`,
				});
			make(this.svg, "path", { d: `M${path}`, class: `curve ${line.colour}${line.thin ? " thin" : ""}` });
		}
	}

	// Which point the pointer is nearest to; the last without a pointer.
	picked() {
		let best = this.series.time.length - 1;

		if (this.at === null || this.at === undefined)
			return best;
		for (let i = Math.max(0, this.first); i < this.series.time.length; i++) {
			if (Math.abs(this.x(this.series.time[i]) - this.at) < Math.abs(this.x(this.series.time[best]) - this.at))
				best = i;
		}
		return best;
	}

	drawPointer() {
		const index = this.picked();

		this.lines.forEach((line, i) => {
			const value = this.series.values[line.name][index] ?? null;

			this.values[i].textContent = this.format(value);
			this.values[i].parentElement.hidden = line.thin && value === null;
		});
		if (this.at === null || this.at === undefined || index < 0)
			return;
		const x = this.x(this.series.time[index]);

		make(this.svg, "line", { x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM, class: "at" });
		for (const line of this.lines) {
			const value = this.series.values[line.name][index];

			if (value !== null)
				make(this.svg, "circle", { cx: x, cy: this.y(value), r: 3.5, class: `spot ${line.colour}` });
		}
		this.more.textContent = new Date(this.series.time[index]).toLocaleTimeString();
	}
}
