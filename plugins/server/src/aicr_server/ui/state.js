// What the page shows, and its form as the fragment of the address: a link that is passed on shows the same.
// The fragment is never sent to a server, so values of overrides stay out of its logs.

export const VIEWS = {
  components: "Components", graph: "Graph", constraints: "Constraints", values: "Values", compare: "Compare", bundle: "Bundle",
};

/** Parameters of POST /v1/bundle: those that may be repeated, and those that may not. */
export const REPEATED = [
  "set", "set-string", "set-json", "dynamic", "bundlers", "system-node-selector", "system-node-toleration", "accelerated-node-selector", "accelerated-node-toleration",
  "workload-selector",
];
export const SINGLE = ["deployer", "repo", "app-name", "workload-gate", "nodes"];

export const DIMENSIONS = {
  service: "Service", accelerator: "Accelerator", intent: "Intent", os: "Operating system", platform: "Platform",
};
const CRITERIA = [...Object.keys(DIMENSIONS), "nodes"];

/** Read a fragment (with or without `#`); what is unknown in it counts for nothing. */
export function read(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const view = given.get("view") ?? "";
  return {
    criteria: criteria(given, ""),
    other: criteria(given, "with."),
    view: Object.hasOwn(VIEWS, view) ? view : "components",
    component: given.get("component") ?? "",
    filter: given.get("filter") ?? "",
    origin: given.get("origin") ?? "",
    bundle: bundle(given),
  };
}

function criteria(given, prefix) {
  const named = CRITERIA.map((name) => [name, given.get(prefix + name) ?? ""]);
  return Object.fromEntries(named.filter(([, value]) => value !== "" && value !== "any"));
}

function bundle(given) {
  const repeated = REPEATED.map((name) => [name, given.getAll(`b.${name}`).filter(Boolean)]);
  const single = SINGLE.map((name) => [name, given.get(`b.${name}`) ?? ""]);
  return Object.fromEntries([...repeated, ...single]);
}

/** Write a state as a fragment, in one order, without what is as it is by itself. */
export function write(state) {
  const found = new URLSearchParams();
  put(found, "", state.criteria);
  if (state.view !== "components") found.append("view", state.view);
  for (const name of ["component", "filter", "origin"]) {
    if (state.view === "values" && state[name]) found.append(name, state[name]);
  }
  put(found, "with.", state.other);
  for (const [name, value] of bundleParameters(state.bundle)) found.append(`b.${name}`, value);
  // These need no escape in a fragment, and are what most values are made of.
  return found.toString().replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%40", "@");
}

function put(found, prefix, values) {
  for (const name of CRITERIA) {
    if (values[name]) found.append(prefix + name, values[name]);
  }
}

/** Give the parameters of a bundle's request, in the order that the server checks them. */
export function bundleParameters(wanted) {
  const repeated = REPEATED.flatMap((name) => wanted[name].map((value) => [name, value]));
  return [...repeated, ...SINGLE.filter((name) => wanted[name]).map((name) => [name, wanted[name]])];
}

/** Give criteria as a query string, without the `?`. */
export function query(values) {
  const found = new URLSearchParams();
  put(found, "", values);
  return found.toString();
}

/** Give criteria as people read them. */
export function words(values) {
  const named = Object.keys(DIMENSIONS).filter((name) => values[name]).map((name) => values[name]);
  if (values.nodes) named.push(`${values.nodes} nodes`);
  return named.length ? named.join(" · ") : "any cluster";
}
