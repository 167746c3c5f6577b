// A recipe as tables: its components in the order of deployment, and what it demands of a cluster.
import { breaking, h, table } from "./dom.js";

/** Give a recipe's components in the order of deployment. */
export function ordered(recipe) {
  const place = new Map((recipe.deploymentOrder ?? []).map((name, index) => [name, index]));
  const of = (ref) => place.get(ref.name) ?? place.size;
  return [...(recipe.componentRefs ?? [])].sort((one, other) => of(one) - of(other));
}

/** Give the table of components. */
export function componentsView({ recipe, linkTo }) {
  const rows = ordered(recipe).map((ref, index) => h("tr", {},
    h("td", { class: "number" }, String(index + 1)),
    h("th", { scope: "row" }, h("a", { href: linkTo({ view: "values", component: ref.name }) }, ref.name),
      extras(ref) ? h("span", { class: "adds" }, `+ ${extras(ref)}`) : null),
    h("td", { class: "code strong version" }, ref.version || ref.tag || dash()),
    h("td", { class: "code space" }, ref.namespace || dash()),
    h("td", { class: "code source" }, h("div", {}, sourceOf(ref))),
    h("td", { class: "needs" }, (ref.dependencyRefs ?? []).join(", ") || dash())));
  return [table(
    "Components in the order of deployment",
    ["#", "Component", "Version", "Namespace", "Chart and source", "Needs"], rows, "wide",
  )];
}

function sourceOf(ref) {
  if (!ref.source && !ref.chart) return ref.path || "manifests only";
  const chart = ref.chart && ref.chart !== ref.name ? h("span", { class: "chart" }, ref.chart) : null;
  return [chart, h("span", { class: "muted" }, breaking(ref.source ?? ""))];
}

/** Say what a recipe brings for a component beside its chart and values file. */
function extras(ref) {
  const found = Object.keys(ref.overrides ?? {}).length ? ["values"] : [];
  const manifests = ref.manifestFiles?.length ?? 0;
  if (manifests) found.push(manifests === 1 ? "1 manifest" : `${manifests} manifests`);
  return found.join(", ");
}

/** Give what the recipe demands: of the cluster before, and of each phase of a validation. */
export function constraintsView({ recipe }) {
  const phases = Object.entries(recipe.validation ?? {});
  return [
    h("h2", {}, "Of the cluster"),
    recipe.constraints?.length ? constraintTable("Constraints of the cluster", recipe.constraints)
      : h("p", { class: "muted" }, "This recipe demands nothing of the cluster."),
    phases.map(([name, phase]) => [
      h("h2", {}, `Phase ${name}`),
      phase?.constraints?.length ? constraintTable(`Constraints of the phase ${name}`, phase.constraints) : null,
      phase?.checks?.length ? h("ul", { class: "checks" }, phase.checks.map((check) => h("li", { class: "code" }, check))) : null,
    ]),
  ];
}

function constraintTable(caption, constraints) {
  const more = Object.entries({ severity: "Severity", remediation: "Remedy" })
    .filter(([field]) => constraints.some((one) => one[field]));
  const rows = constraints.map((one) => h("tr", {},
    h("th", { scope: "row", class: "code" }, breaking(String(one.name))),
    h("td", { class: "code strong" }, `${one.value}${one.unit ? ` ${one.unit}` : ""}`),
    more.map(([field]) => h("td", {}, one[field] || dash()))));
  return table(caption, ["Reading", "Demanded", ...more.map(([, label]) => label)], rows, "demands");
}

function dash() {
  return h("span", { class: "nil muted", "aria-label": "none", role: "img" }, "–");
}
