"""Puts 07 together: sections 1-6 of main, the tournament's cells and text."""
import re
def blocks(path):
    out = []
    for b in re.split(r"(?m)^#%% ", open(path, encoding="utf-8").read())[1:]:
        head, _, body = b.partition("\n")
        out.append((head, body.strip("\n")))
    return out
main = blocks("07.txt")
exp = {h.split()[1]: (h, b) for h, b in blocks("exp07.txt")}
sec = blocks("07_sections.txt")
names = {"R1": "r1", "CHEAPER": "cheaper", "SETTINGS": "settings", "MODEL": "digits-model", "PRICE": "price", "COMPILED": "compiled", "RUN": "run", "DIGITSRUN": "digits-run", "RESULTS": "results"}
title = dict((h.split()[1], b) for h, b in sec if h.split()[1] in ("title-text", "summary-text"))
out = []
for head, body in main:
    ident = head.split()[1]
    if ident == "c010745f":
        break
    if ident == "title-text": body = title["title-text"]
    if ident in ("parameters", "imports"): head, body = exp[ident]
    else:
        body = body.replace("2 * width,", "128,").replace("(width,)", "(64,)")
        body = body.replace("longer = 4 * fixed_steps", "longer = int(4800 * length)")
    out.append((head, body))
for head, body in sec:
    if head.split()[1] == "title-text": continue
    m = re.search(r"(?m)^@@(\w+)$", body)
    if m:
        out.append((head, body[: m.start()].strip("\n")))
        out.append(exp[names[m.group(1)]])
        assert not body[m.end():].strip(), head
    else:
        out.append((head, body))
with open("07_new.txt", "w", encoding="utf-8") as f:
    for h, b in out: f.write(f"#%% {h}\n{b}\n\n")
text = open("07_new.txt", encoding="utf-8").read()
def sub(old, new, times=1):
    global text
    assert text.count(old) == times, (text.count(old), old)
    text = text.replace(old, new)
sub("rng = np.random.default_rng(seed)\nbetween = real", "short_steps = int(300 * length)\nrng = np.random.default_rng(seed)\nbetween = real")
i = text.index("#%% code surfaces-train"); j = text.index("\n", i)
text = text[:j+1] + "fixed_steps = int(1_200 * length)\n" + text[j+1:]
i = text.index("#%% code deep claim"); j = text.index("\n", i)
text = text[:j+1] + "deep_steps = int(300 * length)\n" + text[j+1:]
open("07_new.txt", "w", encoding="utf-8").write(text)
