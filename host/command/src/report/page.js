// Shows only the lines of the log that have a text. Without it the page has all that it says too.
const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll(".log tr")];
  filter.hidden = false;
  filter.firstElementChild.addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    }
  });
}
