// Making elements. Whatever the server says becomes text or an attribute's value here, never markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element. Properties whose value is null, undefined or false are left out; `on` holds listeners.
 * Children are nodes, texts, or lists of them.
 */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** Make an SVG element; otherwise as `h`. */
export function s(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) {
        element.addEventListener(event, listener);
      }
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Give a text that may break after dots and slashes where it is too long for its line. */
export function breaking(text) {
  return text.split(/(?<=[./])(?=\w)/).flatMap((part, place) => (place ? [h("wbr"), part] : [part]));
}

/** Say something to those who do not see the page. */
export function announce(text) {
  const live = document.getElementById("live");
  live.textContent = "";
  // A text that is set again in the same turn is not read out again.
  setTimeout(() => { live.textContent = text; }, 30);
}

/** Give a button that copies what `text()` gives, and says so. */
export function copyButton(label, text, title) {
  const button = h("button", { type: "button", class: "copy", title, "aria-label": title });
  button.textContent = label;
  button.addEventListener("click", async () => {
    const done = await copied(text());
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    announce(done ? "Copied" : "The text is selected; copy it by hand");
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

/** Put a text on the clipboard; where the browser refuses (no HTTPS), select it in a field. Gives whether it is there. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

function copiedBySelection(text) {
  const before = document.activeElement;
  const field = h("textarea", { class: "unseen", "aria-label": "Text to copy", readonly: true });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  if (done) {
    field.remove();
    before?.focus();
  } else {
    field.addEventListener("blur", () => field.remove());
  }
  return done;
}

/** Give a table: `heads` are texts, `rows` its `tr` elements; `labels` stand beside the cells where it is too narrow for heads. */
export function table(caption, heads, rows, kind = "", labels = heads) {
  const labelled = rows.map((row) => {
    [...row.children].forEach((cell, place) => { cell.dataset.label = labels[place]; });
    return row;
  });
  return h("table", { class: kind },
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, labelled));
}
