// Two recipes side by side: the one of the page, and one of other criteria. What differs in values the server says.
import { h, table } from "./dom.js";
import { selects } from "./criteria.js";
import { ordered } from "./recipe.js";
import { words } from "./state.js";

const SIGNS = { same: "", changed: "changed", left: "only left", right: "only right" };

/**
 * Give the view. `left` and `right` are recipes, `changes` rows `{path, left, right}` of values that differ; `change(name,
 * value)` is called for a choice of the other criteria, `offers` are its choices; `swap` exchanges the two.
 */
export function compareView({ left, right, changes, state, offers, change, swap }) {
  const rows = componentRows(left, right);
  const demands = constraintRows(left, right);
  const heads = ["", words(state.criteria), words(state.other), "Difference"];
  return [
    h("div", { class: "against" },
      h("h2", {}, "Compare with"),
      selects("with", state.other, offers, change),
      h("button", { type: "button", id: "swap", on: { click: swap } }, "Swap sides")),
    summary(rows, demands, changes),
    h("h2", {}, "Components"), table("Components of both recipes", heads, rows.map(shownRow), "compare wide"),
    h("h2", {}, "Constraints"), table("Constraints of both recipes", heads, demands.map(shownRow), "compare wide"),
    h("h2", {}, "Values that differ"),
    changes.length ? table("Values that differ", heads, changes.map(shownRow), "compare wide") : h("p", { class: "muted" }, "None."),
  ];
}

function summary(rows, demands, changes) {
  const differing = (all) => all.filter((row) => row.state !== "same").length;
  return h("p", { class: "tally", role: "status" },
    `${differing(rows)} of ${rows.length} components, ${differing(demands)} of ${demands.length} constraints and ${changes.length} values differ.`);
}

/** Give a row for each component of either recipe: the two versions. */
function componentRows(left, right) {
  const of = (recipe) => new Map(ordered(recipe).map((ref) => [ref.name, ref.version || ref.tag || "included"]));
  return paired(of(left), of(right));
}

function constraintRows(left, right) {
  const of = (recipe) => new Map((recipe.constraints ?? []).map((one) => [one.name, one.value]));
  return paired(of(left), of(right));
}

function paired(left, right) {
  return [...new Set([...left.keys(), ...right.keys()])].map((name) => row(name, left.get(name), right.get(name)));
}

/** Make a row; an undefined side is one that has no such thing. */
export function row(name, left, right) {
  const state = left === undefined ? "right" : right === undefined ? "left" : left === right ? "same" : "changed";
  return { name, left, right, state };
}

function shownRow({ name, left, right, state }) {
  const cell = (value) => h("td", { class: "code" }, value === undefined ? h("span", { class: "muted", "aria-label": "none" }, "–") : value);
  return h("tr", { class: `row-${state}` },
    h("th", { scope: "row", class: "code" }, name), cell(left), cell(right), h("td", { class: "sign" }, SIGNS[state]));
}
