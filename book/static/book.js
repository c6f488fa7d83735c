// What scrolls sideways can be reached with the keyboard.
addEventListener("load", () => {
  for (const box of document.querySelectorAll(".cell_output table")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
});
