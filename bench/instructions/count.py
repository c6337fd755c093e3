#!/usr/bin/env python3
"""Counts the instructions of one training step of the addon, by function and kind.

  count.py [P [M [ISA [MARKER]]]]     by default 23 512 avx512

Needs Linux, gcc, objdump, Node 24 as `node`, and the right to trace a process. It makes some ten thousand instructions a second: minutes for
p = 23. The marker is an address in the addon, hexadecimal, that is passed once a step; it is printed, and a larger problem needn't
find it again.
"""

import collections
import os
import re
import subprocess
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
addon = os.path.normpath(f"{here}/../../server/engine/cpu/build/kernel.node")


def main():
    p, width, isa, marker = sys.argv[1:5] + ["23", "512", "avx512", ""][len(sys.argv) - 1 :]
    with tempfile.TemporaryDirectory() as folder:
        counter = f"{folder}/count"
        subprocess.run(["gcc", "-O2", "-o", counter, f"{here}/count.c"], check=True)
        child = subprocess.Popen(["node", f"{here}/train.ts", p, width, isa], stdout=subprocess.PIPE, text=True)
        try:
            child.stdout.readline()
            time.sleep(2)
            thread = busiest_thread(child.pid)
            base = addon_base(child.pid)
            if not marker:
                # Of two or three steps: what is passed least, but more than once, is passed once in each.
                some = 3 * int(p) ** 2 * (int(p) + 1) // 4 * int(width)
                marker = f"{once_a_step(run(counter, thread, some), base):x}"
            print(f"{marker:>12}  marker", flush=True)
            counts = run(counter, thread, 1, f"{base + int(marker, 16):x}")
        finally:
            child.kill()
    show({at - base: count for at, count in counts.items()})


def busiest_thread(pid):
    def user_time(thread):
        with open(f"/proc/{pid}/task/{thread}/stat") as file:
            return int(file.read().rsplit(")", 1)[1].split()[11])

    return max(os.listdir(f"/proc/{pid}/task"), key=user_time)


def addon_base(pid):
    with open(f"/proc/{pid}/maps") as file:
        return next(int(line.split("-")[0], 16) for line in file if line.rstrip().endswith("kernel.node"))


def run(*command):
    lines = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {int(at, 16): int(count) for at, count in map(str.split, lines.splitlines())}


def once_a_step(counts, base):
    size = os.path.getsize(addon)
    return min((count, at - base) for at, count in counts.items() if base < at < base + size and count > 1)[1]


def show(counts):
    functions = collections.defaultdict(collections.Counter)
    outside = sum(counts.values())
    for at, (function, text) in instructions():
        if at in counts:
            functions[function][kind(text)] += counts[at]
            outside -= counts[at]
    total = sum(functions.values(), collections.Counter())
    rows = [("all of the addon", total), *sorted(functions.items(), key=lambda item: -sum(item[1].values()))]
    for name, kinds in rows:
        print(f"{sum(kinds.values()):>12,}  {name}: " + ", ".join(f"{n:,} {k}" for k, n in kinds.most_common()))
    print(f"{outside:>12,}  elsewhere")


def instructions():
    text = subprocess.run(["objdump", "-dC", "--no-show-raw-insn", addon], check=True, stdout=subprocess.PIPE, text=True)
    function = None
    for line in text.stdout.splitlines():
        if match := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            function = re.sub(r"\(.*", "", match[1])
        elif match := re.match(r"\s+([0-9a-f]+):\t(.*)$", line):
            yield int(match[1], 16), (function, match[2])


def kind(text):
    name, memory = text.split()[0], "(" in text
    if re.match("vfn?m", name):
        return "multiply-adds from memory" if memory else "multiply-adds"
    if name.startswith("vbroadcast"):
        return "broadcasts"
    if name.startswith("vmov"):
        return "moves" if not memory else "vector loads" if re.search(r"%[xyz]mm\d+$", text) else "vector stores"
    if name.startswith("v"):
        return "other vector arithmetic"
    if name[0] == "j" or name in ("call", "ret"):
        return "branches"
    return "scalar"


if __name__ == "__main__":
    main()
