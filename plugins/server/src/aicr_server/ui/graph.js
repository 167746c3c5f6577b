// The dependency graph of a recipe as SVG: what stands left is installed first. Each box is a link to its values.
import { h, s } from "./dom.js";
import { SIZE, layout, reaches } from "./layout.js";
import { ordered } from "./recipe.js";

const MARGIN = 8;
const LONGEST = 30;
// Of the wider ones among the fonts that systems have; a narrower one leaves room.
const LETTER = 7.4;

/** Give the graph, what stands apart, and the same as a list. */
export function graphView({ recipe, linkTo }) {
  const refs = ordered(recipe);
  const placed = layout(refs.map((ref) => ({ name: ref.name, needs: ref.dependencyRefs ?? [], width: widthOf(ref) })));
  const needs = new Map(refs.map((ref) => [ref.name, ref.dependencyRefs ?? []]));
  const byName = new Map(refs.map((ref) => [ref.name, ref]));
  return [
    h("p", { class: "muted hint" }, "Left is installed first; a dashed line follows from other dependencies. ",
      h("span", { class: "keys" }, "Arrow keys walk along the lines, Enter shows the values.")),
    placed.boxes.size ? h("div", { class: "graph" }, drawing(placed, byName, needs, linkTo)) : null,
    placed.apart.length ? apart(placed.apart, byName, linkTo) : null,
    list(refs, needs),
  ];
}

function drawing(placed, byName, needs, linkTo) {
  const [width, height] = [placed.width + 2 * MARGIN, placed.height + 2 * MARGIN];
  const lines = placed.lines.map(drawnLine);
  const boxes = [...placed.boxes].map(([name, box]) => drawnBox(byName.get(name), box, needs, linkTo));
  const svg = s("svg", {
    viewBox: `${-MARGIN} ${-MARGIN} ${width} ${height}`, width, height, role: "group",
    "aria-label": `Dependency graph of ${placed.boxes.size} components; the list below says the same`,
  }, s("g", { "aria-hidden": "true" }, lines), boxes);
  const light = (name) => highlight(svg, name, needs);
  for (const box of boxes) {
    const { name } = box.dataset;
    box.addEventListener("pointerenter", () => light(name));
    box.addEventListener("pointerleave", () => light(""));
    box.addEventListener("focus", () => light(name));
    box.addEventListener("blur", () => light(""));
    box.addEventListener("keydown", (event) => walk(event, name, placed, boxes, needs));
  }
  return svg;
}

function drawnLine({ from, to, implied, points }) {
  const [start, ...rest] = points;
  let path = `M${start.x} ${start.y}`;
  rest.forEach((point, place) => {
    const last = points[place];
    const bend = (point.x - last.x) / 2;
    path += last.y === point.y
      ? `H${point.x}`
      : `C${last.x + bend} ${last.y} ${point.x - bend} ${point.y} ${point.x} ${point.y}`;
  });
  return s("path", { d: path, class: implied ? "line implied" : "line", "data-from": from, "data-to": to });
}

function drawnBox(ref, box, needs, linkTo) {
  const users = [...needs].filter(([, from]) => from.includes(ref.name)).map(([name]) => name);
  const said = [
    `${ref.name} ${ref.version ?? ""}`.trim(), `needs ${phrase(needs.get(ref.name))}`, `needed by ${phrase(users)}`,
  ].join(", ");
  return s("a", {
    href: linkTo({ view: "values", component: ref.name }), class: "box", transform: `translate(${box.x} ${box.y})`,
    "data-name": ref.name, "aria-label": said,
  },
  s("title", {}, said),
  s("rect", { width: box.width, height: SIZE.height, rx: 3 }),
  s("text", { x: 10, y: 17, class: "name" }, shortened(ref.name)),
  s("text", { x: 10, y: 33, class: "of" }, shortened(versionOf(ref))));
}

function versionOf(ref) {
  return ref.version || ref.tag || "manifests only";
}

function widthOf(ref) {
  const letters = Math.max(shortened(ref.name).length, shortened(versionOf(ref)).length);
  return Math.round(Math.max(96, 20 + letters * LETTER));
}

function phrase(names) {
  return names.length ? names.join(", ") : "nothing";
}

function shortened(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** Bring out a box with all that it needs and all that need it; an empty name brings out nothing. */
function highlight(svg, name, needs) {
  svg.classList.toggle("lit", name !== "");
  const before = reaches(name, needs);
  const on = new Set([name, ...before, ...[...needs.keys()].filter((other) => reaches(other, needs).has(name))]);
  for (const box of svg.querySelectorAll(".box")) box.classList.toggle("on", on.has(box.dataset.name));
  for (const line of svg.querySelectorAll(".line")) {
    const { from, to } = line.dataset;
    const inside = (before.has(from) || from === name) && (before.has(to) || to === name);
    line.classList.toggle("on", inside || (on.has(from) && on.has(to) && !before.has(from) && !before.has(to)));
  }
}

/** Move the focus along a line (left, right) or within a layer (up, down). */
function walk(event, name, placed, boxes, needs) {
  const here = placed.boxes.get(name);
  const inLayer = [...placed.boxes].filter(([, box]) => box.x === here.x);
  const choices = {
    ArrowLeft: () => [...placed.boxes].filter(([other]) => needs.get(name).includes(other)),
    ArrowRight: () => [...placed.boxes].filter(([other]) => needs.get(other).includes(name)),
    ArrowUp: () => inLayer.filter(([, box]) => box.y < here.y),
    ArrowDown: () => inLayer.filter(([, box]) => box.y > here.y),
  }[event.key];
  if (!choices || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const distance = ([, box]) => Math.abs(box.y - here.y) + Math.abs(box.x - here.x);
  const nearest = choices().sort((one, other) => distance(one) - distance(other))[0];
  if (nearest) boxes.find((box) => box.dataset.name === nearest[0]).focus();
}

function apart(names, byName, linkTo) {
  return h("div", { class: "apart" },
    h("h2", {}, "Without dependencies either way"),
    h("ul", {}, names.map((name) => h("li", {},
      h("a", { href: linkTo({ view: "values", component: name }) }, name), " ",
      h("span", { class: "muted" }, byName.get(name).version ?? "")))));
}

function list(refs, needs) {
  return h("details", { class: "as-text" },
    h("summary", {}, "The graph as a list"),
    h("ol", {}, refs.map((ref) => h("li", {},
      h("b", {}, ref.name), ` needs ${phrase(needs.get(ref.name))}`))));
}
