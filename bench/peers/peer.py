#!/usr/bin/env python3
"""Speed of this network's training in PyTorch or JAX, one JSON line for each style and shape. `--help` says how."""

import argparse
import json
import os
import selectors
import statistics
import subprocess
import sys
import tempfile
import time


def main():
    arguments = parse()
    if arguments.serve:
        # Sets what the libraries read when they are loaded.
        limit_threads(arguments)
        from worker import serve

        serve(arguments.framework[0], arguments.device, arguments.threads)
        return
    deadline = time.monotonic() + arguments.total_seconds
    with tempfile.TemporaryDirectory() as folder:
        for framework in arguments.framework:
            run_framework(arguments, framework, folder, deadline)


def run_framework(arguments, framework, folder, deadline):
    """Every style on every shape; one that fails or takes too long is a row with its error, and the others go on."""
    worker = Process(arguments, framework)
    best = {}
    try:
        for shape, style in turns(arguments, worker):
            if worker.ended:
                worker = Process(arguments, framework)
            row = measure(arguments, worker, style, shape, folder, deadline)
            say({"framework": framework, "style": style, "threads": arguments.threads, **described(shape), **row})
            if counts(row) and row["stepsPerSecond"] > best.get(shape, (0, ""))[0]:
                best[shape] = (row["stepsPerSecond"], style)
        for shape, (speed, style) in best.items():
            say({"framework": framework, "best": style, **described(shape), "stepsPerSecond": speed})
    finally:
        worker.end()


def turns(arguments, worker):
    """What to measure: the first style of each shape, the second of each, and so on."""
    if arguments.style != ["all"]:
        yield from ((shape, style) for style in arguments.style for shape in arguments.shapes)
        return
    wanted = {}
    for shape in arguments.shapes:
        answer = worker.ask({"styles": True, "modulus": shape[0], "width": shape[1]}, arguments.budget_seconds)
        if "error" in answer:
            say({"framework": worker.framework, "threads": arguments.threads, **described(shape), **answer})
            return
        wanted[shape] = answer["styles"]
    for turn in range(max(map(len, wanted.values()))):
        yield from ((shape, styles[turn]) for shape, styles in wanted.items() if turn < len(styles))


def counts(row):
    return "error" not in row and row["precision"] == "float32" and row["cohort"] == 1


def measure(arguments, worker, style, shape, folder, deadline):
    until = min(deadline, time.monotonic() + arguments.budget_seconds)
    if until - time.monotonic() < 1:
        return {"error": "not run: the total of seconds is spent"}
    modulus, width = shape
    wide = 3 * width * modulus * modulus * (modulus + 1) > 1e10
    check_steps = arguments.check_steps or (10 if wide else 100)
    request = {"open": style, "modulus": modulus, "width": width, "checkSteps": check_steps, "reference": folder}
    row = worker.ask(request, until - time.monotonic())
    if "error" in row:
        return row
    steps = arguments.steps
    if steps == 0:
        answer = worker.ask({"advance": row["quantum"]}, until - time.monotonic())
        if "error" in answer:
            return answer
        quanta = min(10_000, max(1, round(arguments.seconds / max(answer["seconds"], 1e-6))))
        steps = quanta * row["quantum"]
    steps = -(-steps // row["quantum"]) * row["quantum"]
    speeds = []
    for _ in range(arguments.rounds):
        answer = worker.ask({"advance": steps}, until - time.monotonic())
        if "error" in answer:
            if not speeds:
                return answer
            break
        speeds.append(row["cohort"] * steps / answer["seconds"])
    return {
        **row,
        "steps": steps,
        "rounds": len(speeds),
        "stepsPerSecond": statistics.median(speeds),
        "least": min(speeds),
        "most": max(speeds),
        "secondsFor256Runs": None if row["cohort"] > 1 else 256 * 1_000 / statistics.median(speeds),
    }


def described(shape):
    return {"p": shape[0], "width": shape[1]}


def say(row):
    print(json.dumps(row), flush=True)


class Process:
    """A worker in a process of its own, which can be ended when it doesn't answer."""

    def __init__(self, arguments, framework):
        command = [sys.executable, os.path.abspath(__file__), "--serve", "--framework", framework]
        command += ["--device", arguments.device, "--threads", str(arguments.threads)]
        self.framework = framework
        self.errors = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, bufsize=1
        )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.child.stdout, selectors.EVENT_READ)

    @property
    def ended(self):
        return self.child.poll() is not None

    def ask(self, request, seconds):
        try:
            self.child.stdin.write(json.dumps(request) + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            return {"error": self.why()}
        if not self.selector.select(max(seconds, 0)):
            self.end()
            return {"error": "took longer than its budget"}
        line = self.child.stdout.readline()
        if line == "":
            self.child.wait()
            return {"error": self.why()}
        return json.loads(line)

    def why(self):
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else f"ended with {self.child.poll()}"

    def end(self):
        self.child.kill()
        self.child.wait()


def limit_threads(arguments):
    if arguments.device != "cpu":
        # Without the first JAX falls back to a CPU where it finds no GPU, without the second it takes three quarters of the memory at once.
        os.environ["JAX_PLATFORMS"] = "cuda"
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        return
    os.environ["JAX_PLATFORMS"] = "cpu"
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
        os.environ[name] = str(arguments.threads)
    # JAX has as many threads as it may use processors.
    allowed = sorted(os.sched_getaffinity(0))
    if arguments.framework[0] == "jax" and arguments.threads < len(allowed):
        os.sched_setaffinity(0, allowed[: arguments.threads])


def parse():
    parser = argparse.ArgumentParser(
        description="Speed of this network's training in PyTorch or JAX: one JSON line for each style and shape, then the best of each shape "
        "among those that compute in float32. Every style is checked against float64 NumPy; one that fails is a line with its error."
    )
    parser.add_argument("--framework", default="torch", help="torch, jax, or both with a comma (default torch)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--style", action="append", help="only this one; repeatable (default all)")
    parser.add_argument("--modulus", type=int, default=23, help="p, odd, from 3 (default 23)")
    parser.add_argument("--width", type=int, default=512, help="M, from 1 (default 512)")
    parser.add_argument("--shapes", help="instead of these two: pxM, several with commas, e.g. 23x512,97x9107")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (default 1)")
    parser.add_argument("--steps", type=int, default=0, help="of a round (default as many as take --seconds)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of a round (default 0.2)")
    parser.add_argument("--rounds", type=int, default=5, help="(default 5)")
    parser.add_argument("--check-steps", type=int, default=0, help="after so many a style is compared (default by shape)")
    parser.add_argument("--budget-seconds", type=float, default=60, help="of one style on one shape, at most (default 60)")
    parser.add_argument("--total-seconds", type=float, default=1e9, help="after these no style is begun (default none)")
    parser.add_argument("--serve", action="store_true", help="answer requests on standard input: see worker.py")
    arguments = parser.parse_args()
    arguments.framework = arguments.framework.split(",")
    if not set(arguments.framework) <= {"torch", "jax"}:
        parser.error("--framework must be torch, jax, or both with a comma")
    arguments.style = arguments.style or ["all"]
    texts = (arguments.shapes or f"{arguments.modulus}x{arguments.width}").split(",")
    try:
        arguments.shapes = [tuple(int(part) for part in text.split("x")) for text in texts]
    except ValueError:
        parser.error("--shapes must be like 23x512,97x9107")
    for shape in arguments.shapes:
        if len(shape) != 2 or shape[0] < 3 or shape[0] % 2 == 0 or shape[1] < 1:
            parser.error("a shape must be pxM with p odd, from 3, and M from 1")
    if arguments.threads < 1 or arguments.rounds < 1:
        parser.error("--threads and --rounds must be 1 or more")
    return arguments


if __name__ == "__main__":
    main()
