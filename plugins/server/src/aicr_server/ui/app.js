// The page: reads its state from the address, asks the server for what that needs, shows it.
import { Problem, connect, json, post, text } from "./api.js";
import { bundleView } from "./bundle.js";
import { compareView } from "./compare.js";
import { Unknown, choices, picker } from "./criteria.js";
import { announce, copyButton, h } from "./dom.js";
import { graphView } from "./graph.js";
import { componentsView, constraintsView } from "./recipe.js";
import { DIMENSIONS, VIEWS, query, read, words, write } from "./state.js";
import { valuesView } from "./values.js";

const at = (id) => document.getElementById(id);
let state = read(location.hash);
let running = new AbortController();
let showPicker;

/** Each view: what it asks for besides the recipe, and how it is shown. */
const SHOW = {
  components: async (model) => componentsView(model),
  graph: async (model) => graphView(model),
  constraints: async (model) => constraintsView(model),
  values: async (model) => valuesView({ ...model, ...await valuesOf(model.signal) }),
  compare: async (model) => compared(model),
  bundle: async (model) => bundleView({ ...model, deployers: await deployers(model.signal), remember: (bundle) => replace({ bundle }) }),
};

/** Give the values of all components, and where each comes from. */
async function valuesOf(signal) {
  const asked = query(state.criteria);
  const [hydrated, explained] = await Promise.all([
    json(`v1/query?${asked}`, signal), json(`v1/recipe?${asked ? `${asked}&` : ""}explain=true`, signal),
  ]);
  return { hydrated, origins: explained.components };
}

async function deployers(signal) {
  return (await json("v1/catalogue", signal)).deployers;
}

async function compared(model) {
  const { signal } = model;
  const other = choices(state.other, signal, "other");
  const [right, { offers }, differences] = await Promise.all([
    other.then(() => json(`v1/recipe?${query(state.other)}`, signal)), other, other.then(() => difference(signal)),
  ]);
  return compareView({
    left: model.recipe, right, differences, state, offers,
    change: (name, value) => go({ other: { ...state.other, [name]: value } }),
    swap: () => go({ criteria: state.other, other: state.criteria }),
  });
}

async function difference(signal) {
  const body = JSON.stringify({ from: { criteria: stated(state.criteria) }, to: { criteria: stated(state.other) } });
  return (await post("v1/diff", body, signal)).json();
}

/** Give criteria as a document has them. */
function stated(criteria) {
  return criteria.nodes ? { ...criteria, nodes: Number(criteria.nodes) } : criteria;
}

/** Give the address of this page with some of its state changed. */
function linkTo(changes) {
  return `#${write({ ...state, filter: "", origin: "", ...changes })}`;
}

/** Change the state as a step of the history, and show it. */
function go(changes) {
  state = { ...state, ...changes };
  history.pushState(null, "", `#${write(state)}`);
  show();
}

/** Change the state in place: for what is typed. */
function replace(changes) {
  state = { ...state, ...changes };
  history.replaceState(null, "", `#${write(state)}`);
}

/** Show the state: the criteria's choices first, then the recipe and the chosen view. */
async function show() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  at("view").setAttribute("aria-busy", "true");
  showTabs();
  try {
    // Both are asked at once; what may be chosen is shown although there is no recipe.
    const coming = text(`v1/recipe?${query(state.criteria)}`, signal);
    coming.catch(() => {});
    const { offers, missing, stated } = await choices(state.criteria, signal);
    signal.throwIfAborted();
    if (query(stated) !== query(state.criteria)) replace({ criteria: stated });
    showPicker(state.criteria, offers);
    const recipeText = await coming;
    signal.throwIfAborted();
    const recipe = JSON.parse(recipeText);
    showRecipe(recipe, missing);
    const partial = missing.length > 0;
    const parts = await SHOW[state.view]({ recipe, recipeText, state, partial, signal, linkTo, remember: replace });
    signal.throwIfAborted();
    at("problem").replaceChildren();
    fill(parts);
  } catch (error) {
    if (error instanceof Unknown) showUnknown(error);
    else if (error.name !== "AbortError") showProblem(error);
  } finally {
    if (!signal.aborted) at("view").removeAttribute("aria-busy");
  }
}

/** Put a view's parts into the page; what had the focus gets it back, or else the view. */
function fill(parts) {
  const inside = at("view").contains(document.activeElement);
  const focused = document.activeElement.id;
  at("view").replaceChildren(...parts.flat(2).filter(Boolean));
  if (inside) (at(focused) ?? at("view")).focus();
}

function showRecipe(recipe, missing) {
  const number = (recipe.componentRefs ?? []).length;
  const title = words(state.criteria);
  const said = `${number} ${number === 1 ? "component" : "components"}`;
  at("title").textContent = title;
  at("picked").textContent = title;
  document.title = `${title} – AICR`;
  at("version").textContent = recipe.metadata?.version ?? "";
  const overlays = recipe.metadata?.appliedOverlays ?? [];
  at("chain").replaceChildren(h("span", {}, `${said}, from `), ...overlays.flatMap((name, place) => [
    place ? h("span", { class: "then", "aria-hidden": "true" }, " → ") : "", h("span", { class: "code" }, name),
  ]));
  at("notices").replaceChildren(...(missing.length ? [h("p", { class: "notice" }, uncovered(missing))] : []));
  announce(`${title}: ${said}`);
}

function uncovered(missing) {
  const named = missing.map((name) => `${DIMENSIONS[name] ?? name} ${state.criteria[name] ?? ""}`.trim()).join(", ");
  return `Nothing in this recipe is made for ${named} yet: choose more criteria, or take it as it is.`;
}

/** Say which criteria of a link the server does not take, and what it takes instead; the rest stays as it is. */
function showUnknown({ side, wrong, rest, offers }) {
  if (side === "criteria") {
    showPicker(rest, offers);
    untitled();
    at("picker").open = true;
  }
  // Whatever is chosen next is chosen beside the rest.
  state = { ...state, [side]: rest };
  const told = wrong.map(({ name, value, isKnown, taken }) => h("p", {},
    h("b", {}, name in DIMENSIONS ? `${DIMENSIONS[name]} “${value}” is ${isKnown ? "not taken by this server" : "not known here"}`
      : `“${value}” is no number of nodes`),
    taken.length ? `: choose ${taken.join(", ")}` : ""));
  at("view").replaceChildren();
  at("problem").replaceChildren(h("div", { class: "problem" }, told,
    h("button", { type: "button", on: { click: () => go({ [side]: rest }) } }, "Go on without")));
}

/** Take away what was said of a recipe that is not shown any more. */
function untitled() {
  at("title").textContent = words(state.criteria);
  at("picked").textContent = words(state.criteria);
  document.title = "AICR";
  at("chain").replaceChildren();
  at("notices").replaceChildren();
}

/** Show a failure in the server's words, with a way to try again; a defect of the page goes to the console as well. */
function showProblem(error) {
  const ours = !(error instanceof Problem);
  const { message, reason, code, requestId } = ours ? { message: "The page cannot show this", reason: error.message } : error;
  at("view").replaceChildren();
  at("problem").replaceChildren(h("div", { class: "problem" },
    h("p", {}, h("b", {}, message), reason ? `: ${reason}` : ""),
    h("p", { class: "muted code" }, [code, requestId && `request ${requestId}`].filter(Boolean).join(" · ")),
    h("button", { type: "button", on: { click: show } }, "Try again")));
  if (ours) throw error;
}

/** Make the tabs, or show which one is chosen. */
function showTabs() {
  const list = at("tabs");
  if (!list.childElementCount) {
    list.append(...Object.entries(VIEWS).map(([name, label]) => h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "view", on: { click: () => go({ view: name }) },
    }, label)));
    list.addEventListener("keydown", turnTabs);
  }
  for (const tab of list.children) {
    const chosen = tab.id === `tab-${state.view}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  at("view").setAttribute("aria-labelledby", `tab-${state.view}`);
}

function turnTabs(event) {
  const names = Object.keys(VIEWS);
  const place = names.indexOf(state.view);
  const next = {
    ArrowRight: (place + 1) % names.length, ArrowLeft: (place + names.length - 1) % names.length,
    Home: 0, End: names.length - 1,
  }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  go({ view: names[next] });
  at(`tab-${names[next]}`).focus();
}

function chooseCriterion(name, value) {
  go({ criteria: name ? { ...state.criteria, [name]: value } : {} });
}

/** Say that the server asked for time, and when it goes on. */
function tellWaiting(seconds) {
  at("waiting").replaceChildren(...(seconds
    ? [h("p", { class: "notice" }, `The server is busy; the page tries again in ${seconds} s.`)] : []));
}

/** Ask for a bearer token; it is kept until the page is left, and nowhere else. */
function askToken() {
  return new Promise((done) => {
    const input = h("input", { id: "token", type: "password", autocomplete: "off", required: true });
    const dialog = h("dialog", { "aria-labelledby": "token-label" }, h("form", { method: "dialog" },
      h("label", { for: "token", id: "token-label" }, "This server wants a bearer token"), input,
      h("button", { class: "primary" }, "Use it")));
    dialog.addEventListener("close", () => { dialog.remove(); done(input.value.trim()); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function start() {
  connect({ askToken, tellWaiting });
  showPicker = picker(at("criteria"), chooseCriterion);
  at("picker").open = !(matchMedia("(max-width: 820px)").matches && Object.keys(state.criteria).length);
  at("share").replaceWith(copyButton("Copy link", () => location.href, "Copy the address of what is shown"));
  at("skip").addEventListener("click", (event) => { event.preventDefault(); at("main").focus(); });
  addEventListener("popstate", () => { state = read(location.hash); show(); });
  show();
}

start();
