#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the direction of the arrows: who may include whom, and which library.

plugin -> ui -> weights -> nncore, and inside nncore from late stages of the journey to early
ones (ALLOWED_STAGES). Only plugin knows libgimp, only plugin and ui know GTK, nncore knows GLib
and, in kernels, CBLAS. The rules are tried on bad examples first, so that they are known to bite.
"""

import re
from pathlib import Path

from tap import ROOMS, Tap, c_files, source_dir

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# What each stage of nncore may include besides itself.
ALLOWED_STAGES = {
    "base": set(),
    "tensor": {"base"},
    "kernels": {"base", "tensor"},
    "ops": {"base", "tensor", "kernels"},
    "graph": {"base", "tensor", "kernels", "ops"},
    "onnx": {"base", "tensor", "ops", "graph"},
    "plan": {"base", "tensor", "kernels", "ops", "graph", "onnx"},
    "loss": {"base", "tensor", "kernels"},
    "optim": {"base", "tensor", "kernels"},
    "image": {"base", "tensor", "kernels"},
    "analysis": {"base", "tensor", "kernels", "ops", "graph", "onnx", "image"},
    "effects": None,  # everything
}

# Libraries by the start of a header's name, and the places (rooms or nncore/stage) that may know them.
LIBRARIES = (
    (("libgimp", "gegl", "babl/"), {"plugin"}),
    (("gtk/", "gdk/", "gdk-pixbuf/", "cairo", "pango/", "atk/"), {"plugin", "ui"}),
    (("gio/", "glib-object.h", "gmodule.h"), {"plugin", "ui", "weights"}),
    (("cblas", "openblas", "lapacke"), {"nncore/kernels"}),
    (("pb.h", "pb_"), {"nncore/onnx"}),
)
# In nncore everything that is not listed here or above is refused.
NNCORE_HEADERS = re.compile(
    r"^(glib\.h|glib/.*|assert|ctype|errno|float|inttypes|limits|locale|math|setjmp|signal|stdalign|"
    r"stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|tgmath|time|"
    r"fcntl|pthread|sched|unistd|sys/[a-z]+|immintrin|arm_neon)(\.h)?$"
)


def place_of(path):
    """The room of a file, or nncore/stage."""
    parts = Path(path).parts
    if parts[0] == "nncore" and len(parts) > 2:
        return f"nncore/{parts[1]}"
    return parts[0]


def resolve(root, path, name):
    """The path that a quoted include means, relative to the root."""
    beside = (root / path).parent / name
    if not (root / name).exists() and beside.exists():
        return beside.resolve().relative_to(root.resolve())
    return Path(name)


def bad_project_include(path, target):
    """Why one file of the project may not include another; None if it may."""
    source, room = place_of(path), Path(target).parts[0]
    if room not in ROOMS:
        return f"{target} is in no room of the project; write the path from the root of the tree"
    if ROOMS.index(room) < ROOMS.index(Path(path).parts[0]):
        return f"arrows run {' -> '.join(ROOMS)}, never back"
    if room != "nncore" or not source.startswith("nncore/"):
        return None
    stage, other = source.split("/")[1], Path(target).parts[1]
    if stage not in ALLOWED_STAGES:
        return f"nncore/{stage} is not in the table of stages in tests/checks/includes.py"
    allowed = ALLOWED_STAGES[stage]
    if allowed is None or other == stage or other in allowed:
        return None
    return f"nncore/{stage} may include only {', '.join(sorted(allowed)) or 'itself'} of nncore"


def bad_library(path, header):
    """Why a file may not include a library's header; None if it may."""
    source = place_of(path)
    for prefixes, places in LIBRARIES:
        if header.startswith(prefixes):
            if source in places or source.split("/")[0] in places:
                return None
            return f"only {', '.join(sorted(places))} may include it"
    if source.startswith("nncore") and not NNCORE_HEADERS.match(header):
        return "nncore uses GLib and CBLAS only"
    return None


def problems_in(root, path, text):
    """All bad includes of a file, as lines that name the place."""
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match[2]
        if match[1] == '"' and not name.startswith(("pb.h", "pb_")):
            reason = bad_project_include(path, resolve(root, path, name))
        else:
            reason = bad_library(path, name)
        if reason:
            problems.append(f"{path}:{number}: {name}: {reason}")
    return problems


BAD = (
    ("nncore/base/x.c", "#include <gtk/gtk.h>"),
    ("nncore/base/x.c", "#include <libgimp/gimp.h>"),
    ("nncore/base/x.c", "#include <gio/gio.h>"),
    ("nncore/base/x.c", "#include <cblas.h>"),
    ("nncore/base/x.c", "#include <zlib.h>"),
    ("nncore/base/x.c", "  #  include  <gegl.h>"),
    ("nncore/graph/x.c", '#include "pb_decode.h"'),
    ("nncore/base/x.c", '#include "nncore/tensor/tensor.h"'),
    ("nncore/ops/x.c", '#include "nncore/graph/graph.h"'),
    ("nncore/plan/x.c", '#include "nncore/effects/effect.h"'),
    ("nncore/loss/x.c", '#include "nncore/plan/plan.h"'),
    ("nncore/news/x.c", '#include "nncore/base/error.h"'),
    ("nncore/effects/x.c", '#include "weights/networks.h"'),
    ("weights/x.c", '#include "ui/preview.h"'),
    ("weights/x.c", "#include <gdk/gdk.h>"),
    ("ui/x.c", '#include "plugin/host.h"'),
    ("ui/x.c", "#include <libgimp/gimpui.h>"),
    ("ui/x.c", '#include "elsewhere.h"'),
)
GOOD = (
    ("nncore/base/x.c", "#include <glib.h>"),
    ("nncore/base/x.c", "#include <sys/mman.h>"),
    ("nncore/kernels/x.c", "#include <cblas.h>"),
    ("nncore/onnx/x.c", "#include <pb_decode.h>"),
    ("nncore/effects/x.c", '#include "nncore/plan/plan.h"'),
    ("nncore/plan/x.c", '#include "nncore/plan/x.h"'),
    ("weights/x.c", "#include <gio/gio.h>"),
    ("weights/x.c", '#include "nncore/onnx/reader.h"'),
    ("ui/x.c", "#include <gtk/gtk.h>"),
    ("plugin/x.c", "#include <libgimp/gimpui.h>"),
    ("plugin/x.c", '#include "ui/preview.h"'),
)


def main():
    root = source_dir()
    tap = Tap()
    missed = [f"not found: {path}: {text}" for path, text in BAD if not problems_in(root, path, text)]
    tap.case("the rules find bad includes", missed)
    tap.case("the rules let good ones pass", [p for case in GOOD for p in problems_in(root, *case)])
    for room in ROOMS:
        files = c_files(root, (room,))
        problems = [] if files else [f"there is no C file in {room}"]
        for path in files:
            problems += problems_in(root, path, (root / path).read_text(encoding="utf-8"))
        tap.case(f"includes of {room}", problems)
    tap.done()


if __name__ == "__main__":
    main()
