// Bars as SVG, made of elements: nothing inline, and the same figures as a table for those who do not see them.

import { el, table } from "./build.js";
import { say } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [720, 240, 56, 28, 12];
const STEPS = [1, 2, 5];

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// The least 1, 2 or 5 times a power of ten that is not under it.
export function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [...STEPS, 10].map((each) => each * power).find((each) => each >= value - 1e-9);
}

// points: [[label, number]]. shown(number): as people read it. Labels that would lie on one another are left out.
export function bars(title, points, shown = String) {
  const most = roundUp(Math.max(...points.map(([, value]) => value), 0));
  const [wide, high] = [WIDTH - LEFT, HEIGHT - BOTTOM - TOP];
  const step = wide / points.length;
  const every = Math.ceil((points.length * 44) / wide);
  const at = (value) => TOP + high * (1 - value / most);
  const parts = [];
  for (const share of [0, 0.5, 1]) {
    parts.push(svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: at(most * share), y2: at(most * share) }));
    parts.push(svg("text", { class: "axis", x: LEFT - 8, y: at(most * share) + 4, "text-anchor": "end" }, shown(most * share)));
  }
  points.forEach(([label, value], place) => {
    const x = LEFT + place * step;
    const bar = svg("rect", { class: "bar", x: x + step * 0.12, y: at(value), width: step * 0.76, height: TOP + high - at(value), rx: Math.min(3, step / 4) });
    bar.append(svg("title", {}, `${label}: ${shown(value)}`));
    parts.push(bar);
    if (place % every === 0) parts.push(svg("text", { class: "axis", x: x + step / 2, y: HEIGHT - 8, "text-anchor": "middle" }, label));
  });
  return figure(title, points, shown, svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title }, ...parts));
}

// Words and how often, longest first: lying bars, since words are long.
export function ranks(title, points, shown = String) {
  const most = Math.max(...points.map(([, value]) => value), 1);
  const [row, name, figures] = [34, 250, 70];
  const wide = WIDTH - name - figures;
  const parts = points.flatMap(([label, value], place) => {
    const y = place * row;
    return [
      svg("text", { class: "axis", x: name - 12, y: y + 22, "text-anchor": "end" }, label),
      svg("rect", { class: "bar", x: name, y: y + 6, width: Math.max(2, (wide * value) / most), height: row - 12, rx: 3 }),
      svg("text", { class: "axis", x: name + 10 + (wide * value) / most, y: y + 22 }, shown(value)),
    ];
  });
  return figure(title, points, shown, svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${Math.max(1, points.length) * row}`, role: "img", "aria-label": title }, ...parts));
}

function figure(title, points, shown, drawing) {
  const columns = [{ head: title, cell: ([label]) => label }, { head: say("count_"), cell: ([, value]) => shown(value), number: true }];
  return el("figure", { class: "charted" }, el("figcaption", {}, title), points.length ? drawing : el("p", { class: "soft" }, say("nothing")),
    points.length ? el("details", {}, el("summary", {}, say("asTable")), table(title, columns, points)) : null);
}
