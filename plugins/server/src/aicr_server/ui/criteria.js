// Picking criteria: a row of choices for each dimension. Only what leads to a recipe together with the rest is offered.
import { h } from "./dom.js";
import { Problem, json } from "./api.js";
import { DIMENSIONS, query } from "./state.js";

const MOST_NODES = 2147483647;

/** Criteria that this server does not know or does not take: `wrong` says which, `rest` are the others, with their `offers`. */
export class Unknown extends Error {
  constructor(side, wrong, rest, offers) {
    super("unknown criteria");
    Object.assign(this, { side, wrong, rest, offers });
  }
}

/**
 * Give what may be chosen beside `criteria`: `offers`, for each dimension a list of `{value, offered}`; `missing`, the
 * dimensions whose choice no overlay covers yet; and `stated`, the criteria as the server spells them. The server decides
 * all of it. Throws Unknown for values of a link that it does not take; `side` says whose they are.
 */
export async function choices(criteria, signal, side = "criteria") {
  try {
    if (!isCount(criteria.nodes ?? "")) throw new Problem(400, {});
    return await asked(criteria, signal);
  } catch (error) {
    if (!(error instanceof Problem && error.status === 400)) throw error;
    const wrong = await unknown(criteria, signal);
    if (!wrong.length) throw error;
    const rest = Object.fromEntries(Object.entries(criteria).filter(([name]) => !wrong.some((one) => one.name === name)));
    throw new Unknown(side, wrong, rest, (await asked(rest, signal)).offers);
  }
}

async function asked(criteria, signal) {
  const { dimensions, missing, criteria: spelled } = await json(`v1/criteria?${query({ ...criteria, nodes: "" })}`, signal);
  const offers = Object.fromEntries(Object.keys(DIMENSIONS).map((name) => [
    name, (dimensions[name] ?? []).map((one) => ({ value: one.value, offered: one.possible && one.allowed })),
  ]));
  const stated = Object.fromEntries(Object.keys(criteria).map((name) => [name, name === "nodes" ? criteria.nodes : spelled[name] ?? criteria[name]])
    .filter(([, value]) => value !== "any"));
  return { offers, missing, stated };
}

/** Give which criteria the server does not take, each with the values that it takes instead. */
async function unknown(criteria, signal) {
  const { dimensions } = await json("v1/criteria", signal);
  const nodes = isCount(criteria.nodes ?? "") ? [] : [{ name: "nodes", value: criteria.nodes, isKnown: false, taken: [] }];
  return nodes.concat(Object.keys(DIMENSIONS).filter((name) => criteria[name]).flatMap((name) => {
    const value = criteria[name].trim().toLowerCase();
    const found = dimensions[name].find((one) => one.value === value || one.aliases.includes(value));
    if (found?.allowed) return [];
    const taken = dimensions[name].filter((one) => one.allowed).map((one) => one.value);
    return [{ name, value: criteria[name], isKnown: Boolean(found), taken }];
  }));
}

/** Whether the server reads a text as a number of nodes; none is one. */
function isCount(text) {
  return /^\d*$/.test(text) && Number(text) <= MOST_NODES;
}

/** Make the form's fields once; `change(name, value)` is called for each choice. Gives what shows a state in them. */
export function picker(form, change) {
  const groups = new Map(Object.entries(DIMENSIONS).map(([name, label]) => {
    const options = h("div", { class: "options" });
    form.append(h("fieldset", { "data-dimension": name }, h("legend", {}, label), options));
    return [name, { options, inputs: new Map() }];
  }));
  const nodes = nodesField(change);
  form.append(nodes.field, clearButton(change));
  form.addEventListener("submit", (event) => event.preventDefault());
  return (criteria, offers) => {
    for (const [name, group] of groups) showGroup(name, group, criteria[name] ?? "", offers[name] ?? [], change);
    if (document.activeElement !== nodes.input) nodes.input.value = criteria.nodes ?? "";
  };
}

function nodesField(change) {
  const input = h("input", { id: "nodes", type: "number", min: "0", max: String(MOST_NODES), step: "1", inputmode: "numeric" });
  input.addEventListener("change", () => { if (input.validity.valid) change("nodes", input.value === "0" ? "" : input.value); });
  return { input, field: h("div", { class: "field" }, h("label", { for: "nodes" }, "GPU nodes"), input) };
}

function clearButton(change) {
  return h("button", { type: "button", class: "quiet", id: "clear", on: { click: () => change("", "") } }, "Clear all");
}

/** Show a dimension's values; inputs that are there stay, so that the focus does. */
function showGroup(name, group, chosen, offers, change) {
  const wanted = [{ value: "", offered: true }, ...offers];
  for (const { value, offered } of wanted) {
    if (!group.inputs.has(value)) addOption(name, group, value, change);
    const input = group.inputs.get(value);
    input.checked = value === chosen;
    input.disabled = !offered && value !== chosen;
    input.closest("label").title = input.disabled ? "No recipe for this together with what else is chosen" : "";
  }
}

function addOption(name, group, value, change) {
  const input = h("input", { type: "radio", name, value, on: { change: () => change(name, value) } });
  group.inputs.set(value, input);
  group.options.append(h("label", { class: "option" }, input, h("span", {}, value || "any")));
}

/** Give a row of drop-down lists over the same dimensions, for a second set of criteria. */
export function selects(prefix, criteria, offers, change) {
  return h("div", { class: "selects" }, Object.entries(DIMENSIONS).map(([name, label]) => {
    const id = `${prefix}-${name}`;
    const options = [{ value: "", offered: true }, ...(offers[name] ?? [])]
      .filter((one) => one.offered || one.value === criteria[name])
      .map((one) => h("option", { value: one.value, selected: one.value === (criteria[name] ?? "") }, one.value || "any"));
    const select = h("select", { id, on: { change: () => change(name, select.value) } }, options);
    return h("div", { class: "field" }, h("label", { for: id }, label), select);
  }));
}
