// SPDX-License-Identifier: BSD-2-Clause
// The filter of <machine>.html: text and verdicts. Without it the page shows everything.
(() => {
    const form = document.querySelector(".filter");
    if (!form)
        return;
    const words = form.querySelector("input[type=search]"), boxes = [...form.querySelectorAll("[data-verdict]")];
    const apply = () => {
        const wanted = new Set(boxes.filter(b => b.checked).map(b => b.dataset.verdict));
        const parts = words.value.toLowerCase().split(/\s+/).filter(Boolean);
        const narrow = parts.length > 0 || wanted.size < boxes.length;
        let shown = 0;
        for (const suite of document.querySelectorAll(".suite")) {
            let here = 0;
            for (const row of suite.querySelectorAll("tr")) {
                row.hidden = !wanted.has(row.dataset.v) || !parts.every(p => row.dataset.t.includes(p));
                here += !row.hidden;
            }
            suite.hidden = !here;
            suite.open = narrow;
            shown += here;
        }
        form.querySelector(".shown").textContent = narrow ? shown + " cases" : "";
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", e => e.preventDefault());
    for (const button of document.querySelectorAll("[data-only]"))
        button.addEventListener("click", () => {
            boxes.forEach(b => b.checked = b.dataset.verdict === button.dataset.only);
            apply();
            document.querySelector("#cases").scrollIntoView();
        });
})();
