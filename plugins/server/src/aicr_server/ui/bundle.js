// The form of a bundle: deployer, overrides, nodes; checked and made by the server, whose words the errors are.
import { announce, copyButton, h, table } from "./dom.js";
import { Problem, post } from "./api.js";
import { commandLines, curlLines } from "./lines.js";
import { ordered } from "./recipe.js";
import { REPEATED, bundleParameters } from "./state.js";

const OVERRIDE = { form: /^[^:]*:[^=]+=.+$/, help: "component:path=value" };
const SELECTOR = { form: /^[^=]*=.*$/, example: "pool=gpu", help: "key=value" };
const TAINT = { form: /^[^:]+:(NoSchedule|PreferNoSchedule|NoExecute)$/, example: "gpu=true:NoSchedule", help: "key=value:Effect" };
const FIELDS = {
  set: { label: "Overrides", ...OVERRIDE, example: "gpu-operator:driver.version=570.172.08", message: "Invalid set parameter" },
  "set-string": { label: "Overrides that stay text", ...OVERRIDE, example: "aws-efa:image.tag=0.5", message: "Invalid set-string parameter" },
  "set-json": { label: "Overrides in JSON", ...OVERRIDE, example: 'aws-efa:tolerations=[{"operator":"Exists"}]', message: "Invalid set-json parameter" },
  dynamic: { label: "Values left open until the installation", form: /^[^:]+:[^=]+/, help: "component:path", example: "gpu-operator:driver.version", message: "Invalid dynamic parameter" },
  "system-node-selector": { label: "Nodes for controllers", ...SELECTOR, message: "Invalid system-node-selector" },
  "system-node-toleration": { label: "Taints that controllers tolerate", ...TAINT, message: "Invalid system-node-toleration" },
  "accelerated-node-selector": { label: "Nodes with accelerators", ...SELECTOR, message: "Invalid accelerated-node-selector" },
  "accelerated-node-toleration": { label: "Taints that their agents tolerate", ...TAINT, message: "Invalid accelerated-node-toleration" },
  "workload-selector": { label: "Pods that node tuning waits for", ...SELECTOR, message: "Invalid workload-selector parameter" },
  "workload-gate": { label: "Taint that holds workloads back", ...TAINT, message: "Invalid workload-gate parameter" },
  nodes: { label: "Expected GPU nodes", form: /^\d+$/, example: "8", help: "a number", message: "nodes must be a non-negative integer" },
  repo: { label: "Git repository of the bundle", form: /\S/, example: "https://git.example/team/gpu.git", help: "for deployers that read from Git", message: "" },
  "app-name": { label: "Name of the application that brings all others", form: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, example: "gpu-stack", help: "for deployers that make one", message: "" },
};
const TYPED = ["set-string", "set-json", "dynamic"];
const SCHEDULING = Object.keys(FIELDS).filter((name) => !["set", "repo", "app-name", ...TYPED].includes(name));
const OTHERS = { "Invalid deployer parameter": "deployer", "Invalid bundlers parameter": "bundlers" };

/**
 * Give the view. `recipeText` is the recipe as the server sent it, `deployers` their names and titles, `partial` whether no overlay
 * covers all criteria; `remember(bundle)` keeps the form in the address.
 */
export function bundleView({ recipeText, deployers, state, partial, remember }) {
  const wanted = structuredClone(state.bundle);
  const names = ordered(JSON.parse(recipeText)).map((ref) => ref.name);
  const result = h("div", { class: "result", role: "status" });
  const lines = h("div", { class: "lines" });
  const changed = () => { remember(wanted); showLines(lines, state.criteria, wanted, partial, names); };
  const form = h("form", { class: "bundle", autocomplete: "off", novalidate: true },
    deployerField(deployers, wanted, changed),
    textField("set", wanted, changed),
    textField("repo", wanted, changed),
    folded("Components", ["bundlers"], wanted, [componentsField(names, wanted, changed)]),
    folded("Typed and open values", TYPED, wanted, TYPED.map((name) => textField(name, wanted, changed))),
    folded("Application", ["app-name"], wanted, [textField("app-name", wanted, changed)]),
    folded("Nodes and scheduling", SCHEDULING, wanted, SCHEDULING.map((name) => textField(name, wanted, changed))),
    h("p", { class: "actions" },
      h("button", { type: "submit", class: "primary", value: "zip" }, "Download bundles.zip"),
      h("button", { type: "submit", value: "check" }, "List the files")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, result, recipeText, wanted, event.submitter?.value === "check");
  });
  showLines(lines, state.criteria, wanted, partial, names);
  return [h("div", { class: "halves" }, form, h("div", {}, result, lines))];
}

function deployerField(deployers, wanted, changed) {
  const names = wanted.deployer && !deployers.some(({ name }) => name === wanted.deployer)
    ? [...deployers, { name: wanted.deployer, title: "" }] : deployers;
  const current = wanted.deployer || "helm";
  return h("fieldset", { "data-field": "deployer" }, h("legend", {}, "Deployer"),
    h("div", { class: "options" }, names.map(({ name, title }) => h("label", { class: "option", title },
      h("input", {
        type: "radio", name: "deployer", value: name, checked: name === current,
        on: { change: () => { wanted.deployer = name === "helm" ? "" : name; changed(); } },
      }), h("span", {}, name)))),
    h("p", { class: "error", id: "error-deployer" }));
}

/** Fields that few need, folded away unless one of them says something. */
function folded(title, names, wanted, fields) {
  const open = names.some((name) => wanted[name].length > 0);
  return h("details", { open }, h("summary", {}, title), h("div", { class: "grid" }, fields));
}

/** Which components to deploy; what a link names and the recipe has not stays, so that the server says so. */
function componentsField(names, wanted, changed) {
  const picked = new Set(wanted.bundlers.flatMap((text) => text.split(",")).map((name) => name.trim()).filter(Boolean));
  const all = [...names, ...[...picked].filter((name) => !names.includes(name))];
  const keep = () => { wanted.bundlers = all.filter((name) => picked.has(name)); changed(); };
  return h("fieldset", { "data-field": "bundlers" }, h("legend", {}, "Deploy only"),
    h("div", { class: "options" }, all.map((name) => h("label", { class: "option" },
      h("input", {
        type: "checkbox", name: "bundlers", value: name, checked: picked.has(name), "aria-describedby": "help-bundlers",
        on: { change: (event) => { if (event.target.checked) picked.add(name); else picked.delete(name); keep(); } },
      }), h("span", {}, name)))),
    h("p", { class: "muted help", id: "help-bundlers" }, "none picked: all of them"),
    h("p", { class: "error", id: "error-bundlers" }));
}

/** A field of one line, or of a value a line for parameters that may be repeated. */
function textField(name, wanted, changed) {
  const { label, form, example, help } = FIELDS[name];
  const id = `bundle-${name}`;
  const repeated = REPEATED.includes(name);
  const input = h(repeated ? "textarea" : "input", {
    id, name, placeholder: example, "aria-describedby": `error-${name} help-${name}`, spellcheck: "false",
    autocapitalize: "off", rows: repeated ? (name === "set" ? 3 : 2) : null, type: repeated ? null : "text",
    inputmode: name === "nodes" ? "numeric" : null,
  });
  input.value = repeated ? wanted[name].join("\n") : wanted[name];
  input.addEventListener("input", () => {
    wanted[name] = repeated ? input.value.split("\n").map((line) => line.trim()).filter(Boolean) : input.value.trim();
    fail(input.form, name, "");
    changed();
  });
  // Marked only: a text that appears here would move the button away from under the pointer that leaves the field.
  input.addEventListener("change", () => {
    if ([wanted[name]].flat().some((value) => value && !form.test(value))) input.setAttribute("aria-invalid", "true");
  });
  return h("div", { class: "field", "data-field": name },
    h("label", { for: id }, label), input,
    h("p", { class: "muted help", id: `help-${name}` }, repeated ? `${help}, one a line` : help),
    h("p", { class: "error", id: `error-${name}` }));
}

/** Show a failure at its field, or take it away with an empty text. */
function fail(form, name, text) {
  const input = form.querySelector(`[data-field="${name}"] :is(textarea, input)`);
  form.querySelector(`#error-${name}`).textContent = text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  return input;
}

/** Ask for the list of files or for the archive, and show what comes. */
async function send(form, result, recipeText, wanted, listing) {
  for (const name of [...Object.keys(FIELDS), "deployer", "bundlers"]) fail(form, name, "");
  const buttons = [...form.querySelectorAll("button")];
  buttons.forEach((button) => { button.disabled = true; });
  result.replaceChildren(h("p", { class: "muted" }, "The server makes the bundle …"));
  try {
    const parameters = new URLSearchParams(bundleParameters(wanted));
    if (listing) parameters.append("dry-run", "true");
    const response = await post(`v1/bundle?${parameters}`, recipeText);
    result.replaceChildren(...(listing ? fileList(await response.json()) : await saved(response)));
  } catch (error) {
    result.replaceChildren();
    showFailure(form, result, error);
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

function showFailure(form, result, error) {
  if (!(error instanceof Problem)) throw error;
  const text = [error.message, error.reason].filter(Boolean).join(": ");
  const name = OTHERS[error.message]
    ?? Object.keys(FIELDS).find((field) => FIELDS[field].message === error.message);
  if (name) {
    const input = fail(form, name, text);
    const folded = input.closest("details");
    if (folded) folded.open = true;
    input.focus();
    announce(text);
  } else {
    result.replaceChildren(h("p", { class: "error", role: "alert" }, text));
  }
}

/** Hand the archive to the browser. */
async function saved(response) {
  const address = URL.createObjectURL(await response.blob());
  const link = h("a", { href: address, download: "bundles.zip", class: "unseen" }, "bundles.zip");
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  const [files, size] = [response.headers.get("X-Bundle-Files"), Number(response.headers.get("X-Bundle-Size"))];
  const text = `bundles.zip: ${files} files, ${bytes(size)} unpacked`;
  announce(text);
  return [h("p", { class: "done" }, text)];
}

function fileList(document) {
  const files = document.files ?? [];
  const rows = files.map((file) => h("tr", {},
    h("th", { scope: "row", class: "code" }, file.path),
    h("td", { class: "code number" }, bytes(file.size)),
    h("td", { class: "code digest", title: file.digest }, String(file.digest ?? "").replace(/^sha256:/, "").slice(0, 12))));
  const notes = document.notes ?? [];
  return [
    h("p", { class: "done" }, `${files.length} files`),
    notes.length ? h("ul", { class: "notes" }, notes.map((note) => h("li", {}, note))) : null,
    h("div", { class: "files", tabindex: "0", role: "region", "aria-label": "Files of the bundle" },
      table("Files of the bundle", ["File", "Size", "SHA‑256"], rows)),
  ].filter(Boolean);
}

function bytes(count) {
  return count < 10000 ? `${count} B` : `${(count / 1024).toFixed(0)} KiB`;
}

/** Show the same as command lines. */
function showLines(lines, criteria, wanted, partial, names) {
  const base = new URL("../", location.href.split("#")[0]).href;
  lines.replaceChildren(
    block("On the command line", commandLines(criteria, wanted, partial, names)),
    block("With curl", curlLines(base, criteria, wanted)));
}

function block(title, text) {
  return h("div", { class: "block" },
    h("div", { class: "block-head" }, h("h2", {}, title), copyButton("Copy", () => text, `Copy: ${title}`)),
    h("pre", { tabindex: "0", "aria-label": title }, h("code", {}, text)));
}
