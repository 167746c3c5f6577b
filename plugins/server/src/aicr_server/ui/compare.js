// Two recipes side by side: the one of the page, and one of other criteria. Which values differ, the server says.
import { breaking, h, table } from "./dom.js";
import { selects } from "./criteria.js";
import { ordered } from "./recipe.js";
import { words } from "./state.js";

const SIGNS = { same: "", inside: "settings", changed: "changed", left: "only left", right: "only right" };
const LABELS = ["", "Left", "Right", "Difference"];

/**
 * Give the view. `left` and `right` are recipes, `differences` what POST /v1/diff says of them; `change(name, value)` is
 * called for a choice of the other criteria, `offers` are its choices; `swap` exchanges the two.
 */
export function compareView({ left, right, differences, state, offers, change, swap }) {
  const rows = componentRows(left, right, differences);
  const changes = settingRows(differences);
  const phases = differences.validation.flatMap((one) => changeRows(one.path, one));
  const demands = constraintRows(left, right);
  const heads = ["Name", words(state.criteria), words(state.other), "Difference"];
  return [
    h("div", { class: "against" },
      h("h2", {}, "Compare with"),
      selects("with", state.other, offers, change),
      h("button", { type: "button", id: "swap", on: { click: swap } }, "Swap sides")),
    summary(rows, demands, changes),
    h("h2", {}, "Components"), table("Components of both recipes", heads, rows.map(shownRow), "compare wide", LABELS),
    h("h2", {}, "Constraints"), table("Constraints of both recipes", heads, demands.map(shownRow), "compare wide", LABELS),
    changes.length ? [h("h2", {}, "Settings that differ"), table("Settings that differ", heads, changes.map(shownRow), "compare wide", LABELS)] : null,
    phases.length ? [h("h2", {}, "Validation that differs"), table("Validation that differs", heads, phases.map(shownRow), "compare wide", LABELS)] : null,
  ];
}

function summary(rows, demands, changes) {
  const differing = (all) => all.filter((row) => row.state !== "same").length;
  return h("p", { class: "tally", role: "status" },
    `${differing(rows)} of ${rows.length} components, ${differing(demands)} of ${demands.length} constraints and ${changes.length} settings differ.`);
}

/** Give a row for each component of either recipe: the two versions, and whether something else of it differs. */
function componentRows(left, right, differences) {
  const changed = new Set(differences.components.changed.map((one) => one.name));
  const of = (recipe) => new Map(ordered(recipe).map((ref) => [ref.name, ref.version || ref.tag || "included"]));
  return paired(of(left), of(right)).map((found) => (
    found.state === "same" && changed.has(found.name) ? { ...found, state: "inside" } : found));
}

function constraintRows(left, right) {
  const of = (recipe) => new Map((recipe.constraints ?? []).map((one) => [one.name, one.value]));
  return paired(of(left), of(right));
}

function paired(left, right) {
  return [...new Set([...left.keys(), ...right.keys()])].map((name) => row(name, left.get(name), right.get(name)));
}

/** Give a row for each value, field and list of a component of both recipes that is not the same in both. */
function settingRows(differences) {
  return differences.components.changed.flatMap(({ name, fields, lists, values }) => [
    ...fields.filter((one) => one.field !== "version").flatMap((one) => changeRows(`${name}: ${one.field}`, one)),
    ...Object.entries(lists).map(([field, moved]) => row(`${name}: ${field}`, joined(moved.removed), joined(moved.added))),
    ...values.flatMap((one) => changeRows(`${name}: ${one.path}`, one)),
  ]);
}

function joined(names) {
  return names.length ? names.join(", ") : undefined;
}

/**
 * Make rows of a change as the server writes it: `from` or `to` is missing where there is nothing on that side; an object
 * that only one side has is a row for each of its leaves.
 */
function changeRows(name, change) {
  const only = ["from", "to"].filter((key) => Object.hasOwn(change, key));
  const value = change[only[0]];
  if (only.length === 1 && value && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length) {
    return Object.entries(value).flatMap(([key, inner]) => changeRows(`${name}.${key}`, { [only[0]]: inner }));
  }
  const side = (key) => (Object.hasOwn(change, key) ? written(change[key]) : undefined);
  return [row(name, side("from"), side("to"))];
}

/** Write a value as JSON; a list of texts, such as of checks, as those. */
function written(value) {
  const texts = Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
  return texts ? value.join(", ") : JSON.stringify(value);
}

/** Make a row; an undefined side is one that has no such thing. */
function row(name, left, right) {
  const state = left === undefined ? "right" : right === undefined ? "left" : left === right ? "same" : "changed";
  return { name, left, right, state };
}

function shownRow({ name, left, right, state }) {
  const cell = (value) => h("td", { class: "code" }, value === undefined ? h("span", { class: "nil muted", "aria-label": "none", role: "img" }, "–") : value);
  return h("tr", { class: `row-${state}` },
    h("th", { scope: "row", class: "code" }, breaking(name)), cell(left), cell(right), h("td", { class: "sign" }, SIGNS[state]));
}
