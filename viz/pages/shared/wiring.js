// Keys, buttons and the address: how a page is steered without a mouse, and linked to.

const isTyping = (target) => target.matches("input:not([type=range]), select, textarea");
const isPressed = (target) => target.matches("button, summary, a, input[type=checkbox]");

/** Call the function of a key, unless somebody types or a dialog is open; null leaves it alone. */
function onKeys(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target instanceof Element) {
      if (isTyping(target) || (event.key === " " && isPressed(target))) return;
    }
    const action = actions[event.shiftKey ? `Shift+${event.key}` : event.key] ?? actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** Call the function of a button, by the id of the button. */
function onClicks(actions) {
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
}

let remembering = 0;

/** Put the state of a page into its address; not in a frame without an address of its own. */
function remember(state) {
  clearTimeout(remembering);
  if (location.protocol === "about:") return;
  const hash = `#${new URLSearchParams(state)}`;
  // Browsers allow few changes of the address in a short time.
  remembering = setTimeout(() => history.replaceState(null, "", hash), 150);
}

/** The state in the address: what it has no entry for is undefined. */
const remembered = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
