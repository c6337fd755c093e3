"""The process that runs styles: one framework, one device, one number of threads.

Reads requests from its standard input and answers each with one line, both JSON:

  {"open": STYLE, "modulus": p, "width": M, "checkSteps": n, "reference": FILE or null}   makes it and checks it; the last one is let go
  {"advance": n}                                                                          {"seconds": s, "cpuSeconds": c}, what n steps took
  {"styles": true, "modulus": p, "width": M}                                              {"styles": names of those there are}

What goes wrong with a request is answered by {"error": why}.
"""

import ctypes
import gc
import importlib
import json
import os
import sys
import time

import numpy as np

import problem as problems

# Errors against float64 above which a style computes something else. A step of Adam is near its learning rate however small the gradient,
# so a rounding error of a gradient near 0 is a whole step of that weight: the updates err by far more than their sums.
MOST_LOSS_ERROR = {"float32": 1e-6, "tf32": 1e-3}
MOST_UPDATE_ERROR = {"float32": 1e-3, "tf32": 3e-1}


class Worker:
    def __init__(self, framework, device):
        self.framework, self.device = framework, device
        self.frame = importlib.import_module(f"{framework}_styles")
        self.style = None

    def answer(self, request):
        if "styles" in request:
            problem = problems.Problem(request["modulus"], request["width"])
            return {"styles": self.frame.styles(self.device, problem)}
        if "open" in request:
            return self.open(request)
        if self.style is None:
            raise ValueError("no style is open")
        began, busy = time.perf_counter(), time.process_time()
        self.style.advance(request["advance"])
        return {"seconds": time.perf_counter() - began, "cpuSeconds": time.process_time() - busy}

    def open(self, request):
        self.style = None
        gc.collect()
        problem = problems.Problem(request["modulus"], request["width"])
        _reset_peak_memory(self.device, self.frame)
        began = time.perf_counter()
        style = self.frame.make(request["open"], problem, self.device)
        steps = -(-request["checkSteps"] // style.quantum) * style.quantum
        style.advance(steps)
        seconds = time.perf_counter() - began
        cohort = getattr(style, "cohort", 1)
        answer = {
            "framework": self.framework,
            "version": self.frame.version(),
            "style": request["open"],
            "device": self.frame.device_name(self.device),
            "blas": _blas(self.frame.blas()) if self.device == "cpu" else None,
            "precision": "tf32" if "tf32" in request["open"] else "float32",
            "cohort": cohort,
            "quantum": style.quantum,
            "setUpSeconds": seconds,
        }
        answer["checked"] = check(problem, style.parameters(), steps, request.get("reference"))
        answer["peakMemoryBytes"] = _peak_memory(self.device, self.frame, style)
        for name, most in [("lossError", MOST_LOSS_ERROR), ("updateError", MOST_UPDATE_ERROR)]:
            if not answer["checked"][name] <= most[answer["precision"]]:
                answer["error"] = f"computes something else: {name} {answer['checked'][name]:.2g}"
        self.style = style
        return answer


def check(problem, parameters, steps, reference):
    """Relative errors after `steps` steps against the same in float64: of the loss, and of the change of all weights (L2)."""
    expected = _expected(problem, steps, reference)
    initial = problem.initial().astype(np.float64)
    exact, measured = problems.loss(problem, expected), problems.loss(problem, parameters)
    return {
        "steps": steps,
        "lossError": abs(measured - exact) / exact,
        "updateError": float(np.linalg.norm(parameters - expected) / np.linalg.norm(expected - initial)),
    }


def _expected(problem, steps, reference):
    """Kept in a folder, since on a wide network it takes seconds."""
    if reference is None:
        return problems.train(problem, steps)
    path = os.path.join(reference, f"{problem.modulus}x{problem.width}x{steps}.npy")
    if not os.path.exists(path):
        np.save(path, problems.train(problem, steps))
    return np.load(path)


def _reset_peak_memory(device, frame):
    if device == "cuda":
        frame.reset_peak_memory()
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except (OSError, AttributeError):
        pass


def _peak_memory(device, frame, style):
    """On a CPU of the whole process, since the style was opened."""
    if device == "cuda":
        return frame.peak_memory(style)
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def _blas(name):
    """A generic one is whatever library the system has put in its place."""
    if name != "generic":
        return name
    with open("/proc/self/maps") as file:
        paths = {os.path.realpath(line.split()[-1]) for line in file if "blas" in line}
    return " ".join(sorted(os.path.basename(path) for path in paths))


def serve(framework, device, threads):
    # What libraries print goes to standard error: standard output is for answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if framework == "torch":
        import torch

        torch.set_num_threads(threads)
        torch.set_grad_enabled(True)
    worker = Worker(framework, device)
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            answer = {"error": text if len(text) < 400 else text[:400] + " …"}
        print(json.dumps(answer), file=answers, flush=True)
