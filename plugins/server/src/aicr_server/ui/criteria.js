// Picking criteria: a row of choices for each dimension. Only what leads to a recipe together with the rest is offered.
import { h } from "./dom.js";
import { json } from "./api.js";
import { DIMENSIONS, query } from "./state.js";

/**
 * Give what may be chosen beside `criteria`: `offers`, for each dimension a list of `{value, offered}`, and `missing`, the
 * dimensions whose choice no overlay covers yet. The server decides both.
 */
export async function choices(criteria, signal) {
  const { dimensions, missing } = await json(`v1/criteria?${query({ ...criteria, nodes: "" })}`, signal);
  const offers = Object.fromEntries(Object.keys(DIMENSIONS).map((name) => [
    name, (dimensions[name] ?? []).map((one) => ({ value: one.value, offered: one.possible && one.allowed })),
  ]));
  return { offers, missing };
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
  const input = h("input", { id: "nodes", type: "number", min: "0", max: "2147483647", step: "1", inputmode: "numeric" });
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
