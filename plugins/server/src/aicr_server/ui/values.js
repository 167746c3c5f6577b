// The values of every component as a tree that can be filtered, each with where it comes from and as a flag to copy.
import { copyButton, h } from "./dom.js";
import { flag } from "./lines.js";
import { ordered } from "./recipe.js";

const ORIGINS = { file: "Values file", overlay: "Overlay", recipe: "Recipe" };

/**
 * Give the view. `hydrated` has the values, `origins` by component and selector where each comes from; `remember(changes)`
 * keeps component, filter and origin in the address.
 */
export function valuesView({ recipe, hydrated, origins, state, remember }) {
  const components = ordered(recipe).map((ref) => ({
    ref, leaves: leaves(own(hydrated.components, ref.name)?.values ?? {}, own(origins, ref.name)?.values ?? {}),
  }));
  const count = h("p", { class: "muted count", role: "status" });
  const tree = h("div", { class: "tree" });
  const wanted = { component: state.component, filter: state.filter, origin: state.origin };
  const show = () => {
    const found = components.map(({ ref, leaves: all }) => ({ ref, found: matching(all, ref, wanted) }));
    const shown = found.filter(({ ref, found: some }) => chosen(ref, wanted) && (some.length || !(wanted.filter || wanted.origin)));
    const open = Boolean(wanted.component || wanted.filter || wanted.origin);
    tree.replaceChildren(...shown.map((one) => component(one.ref, one.found, open)));
    const number = shown.reduce((sum, one) => sum + one.found.length, 0);
    count.textContent = `${number} ${number === 1 ? "value" : "values"} of ${shown.length} ${shown.length === 1 ? "component" : "components"}`;
  };
  const set = (changes) => { Object.assign(wanted, changes); remember(changes); show(); };
  show();
  return [controls(components.map(({ ref }) => ref.name), wanted, set), count, tree];
}

function controls(names, wanted, set) {
  const listed = !wanted.component || names.includes(wanted.component) ? names : [wanted.component, ...names];
  const choice = select("value-component", [["", "All components"], ...listed.map((name) => [name, name])], wanted.component,
    (component) => set({ component }));
  const origin = select("value-origin", [["", "All origins"], ...Object.entries(ORIGINS)], wanted.origin, (value) => set({ origin: value }));
  const filter = h("input", { id: "value-filter", type: "search", placeholder: "driver, 50Gi, tolerations …", value: wanted.filter });
  filter.addEventListener("input", () => set({ filter: filter.value }));
  return h("div", { class: "controls" },
    field("value-filter", "Filter by component, path or value", filter, "grow"),
    field("value-component", "Component", choice), field("value-origin", "Origin", origin));
}

function select(id, options, current, change) {
  const element = h("select", { id }, options.map(([value, label]) => h("option", { value, selected: value === current }, label)));
  element.addEventListener("change", () => change(element.value));
  return element;
}

function field(id, label, input, kind = "") {
  return h("div", { class: `field ${kind}` }, h("label", { for: id }, label), input);
}

/** Give every leaf of a tree of values: `{path, value, origin, source, place}`; lists and empty objects are leaves. */
function leaves(values, origins, path = []) {
  return Object.entries(values).flatMap(([key, value]) => {
    const here = [...path, key];
    if (branch(value)) return leaves(value, origins, here);
    const said = own(origins, selector(here)) ?? { file: "" };
    const [[origin, source]] = Object.entries(said);
    const place = said.line ? `, ${said.file}:${said.line}` : "";
    return [{ path: here, value, origin, source: source === true ? "the recipe" : source, place }];
  });
}

/** Give what an object of the server has under a name, and nothing that every object has. */
function own(object, name) {
  return Object.hasOwn(object ?? {}, name) ? object[name] : undefined;
}

/** Write keys as the selector that `aicr query` and the server's explanations use. */
function selector(path) {
  return path.reduce((text, key) => {
    if (key === "" || /[.[\]]/.test(key)) return key.includes('"') ? `${text}['${key}']` : `${text}["${key}"]`;
    return text ? `${text}.${key}` : key;
  }, "");
}

function branch(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0;
}

function chosen(ref, wanted) {
  return !wanted.component || ref.name === wanted.component;
}

function matching(all, ref, wanted) {
  const text = wanted.filter.trim().toLowerCase();
  return all.filter((leaf) => (!wanted.origin || leaf.origin === wanted.origin)
    && (!text || `${ref.name}:${leaf.path.join(".")}=${shown(leaf.value)}`.toLowerCase().includes(text)));
}

function component(ref, found, open) {
  const body = h("div", { class: "values" });
  const fill = () => { if (!body.childElementCount) body.append(found.length ? level(nested(found), ref) : nothing()); };
  const element = h("details", { open, class: "component", "data-component": ref.name },
    h("summary", {},
      h("b", {}, ref.name), " ", h("span", { class: "code muted" }, ref.version ?? ""),
      h("span", { class: "muted file" }, ref.valuesFile ?? "no values file"),
      h("span", { class: "number muted" }, String(found.length))),
    body);
  if (open) fill();
  element.addEventListener("toggle", fill);
  return element;
}

function nothing() {
  return h("p", { class: "muted" }, "No values: the chart's own hold.");
}

/** Make a tree of leaves again: a Map from key to a leaf or another Map. */
function nested(found) {
  const root = new Map();
  for (const leaf of found) {
    let at = root;
    for (const key of leaf.path.slice(0, -1)) {
      if (!at.has(key)) at.set(key, new Map());
      at = at.get(key);
    }
    at.set(leaf.path.at(-1), leaf);
  }
  return root;
}

function level(map, ref) {
  return h("ul", {}, [...map].map(([key, item]) => {
    const { label, inner } = joined(key, item);
    return inner instanceof Map
      ? h("li", {}, h("details", { open: true }, h("summary", { class: "code" }, label), level(inner, ref)))
      : row(label, inner, ref);
  }));
}

/** Write keys that have one key each below them as one. */
function joined(key, item) {
  let [label, inner] = [key, item];
  while (inner instanceof Map && inner.size === 1) {
    const [[next, below]] = inner;
    label += `.${next}`;
    inner = below;
  }
  return { label, inner };
}

function row(label, leaf, ref) {
  const text = shown(leaf.value);
  const kind = leaf.origin === "file" ? "origin" : "origin overlay";
  return h("li", { class: "leaf" },
    h("span", { class: "code key" }, label),
    h("span", { class: `code value ${leaf.value === null ? "null" : typeof leaf.value}` }, text),
    h("span", { class: kind, title: `${ORIGINS[leaf.origin] ?? leaf.origin}: ${leaf.source}${leaf.place}` }, lastPart(leaf.source)),
    asFlag(leaf, ref));
}

function asFlag(leaf, ref) {
  const text = flag(ref.name, leaf.path, leaf.value);
  return text ? copyButton(text.split(" ", 1)[0], () => text, `Copy ${leaf.path.join(".")} as a flag`) : null;
}

/** Give a file's own name; overlays have no folders. */
function lastPart(source) {
  return source.slice(source.lastIndexOf("/") + 1);
}

function shown(value) {
  return JSON.stringify(value);
}
