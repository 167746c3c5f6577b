// Light or dark: what the system says, or what was chosen here before. Runs before the page is painted.
"use strict";

(function () {
  const order = ["auto", "light", "dark"];

  /** Give the choice that is kept, or "auto" where nothing is, or nothing may be kept. */
  function kept() {
    try {
      const value = localStorage.getItem("aicr-theme");
      return order.includes(value) ? value : "auto";
    } catch {
      return "auto";
    }
  }

  /** Show a choice; the style sheet reads the attribute. */
  function show(choice) {
    document.documentElement.dataset.theme = choice;
    const button = document.getElementById("theme");
    if (button) {
      button.textContent = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" }[choice];
    }
  }

  /** Go to the next choice and keep it. */
  function next() {
    const choice = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
    try {
      localStorage.setItem("aicr-theme", choice);
    } catch {
      // Nothing may be kept: the choice holds until the page is left.
    }
    show(choice);
  }

  show(kept());
  document.addEventListener("DOMContentLoaded", () => {
    show(document.documentElement.dataset.theme);
    document.getElementById("theme").addEventListener("click", next);
  });
})();
