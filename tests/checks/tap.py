# SPDX-License-Identifier: GPL-3.0-or-later
"""What the structural checks share: TAP output and the files of the tree."""

import os
import subprocess
import sys
from pathlib import Path

ROOMS = ("plugin", "ui", "weights", "nncore")


def source_dir():
    """The root of the tree."""
    return Path(os.environ.get("SOMNIUM_SOURCE_DIR") or Path(__file__).resolve().parents[2])


def tree_files(root):
    """All files of the project as paths relative to the root: what git tracks or would track."""
    git = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        listing = subprocess.run(git, capture_output=True, check=True).stdout
        names = [os.fsdecode(name) for name in listing.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):  # an archive without its history
        names = [
            str((Path(folder) / name).relative_to(root))
            for folder, _, files in os.walk(root)
            for name in files
        ]
        hidden = ("build/", ".git/")
        names = [name for name in names if not name.startswith(hidden) and "__pycache__" not in name]
    return sorted(Path(name) for name in set(names) if (root / name).is_file())


def c_files(root, folders=(*ROOMS, "tests")):
    """The C files below the folders named."""
    return [
        path
        for path in tree_files(root)
        if path.suffix in (".c", ".h") and path.parts[0] in folders
    ]


class Tap:
    """Prints cases as they are known, and the plan last."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def case(self, name, problems):
        """A case that passes if its list of problems is empty."""
        self.count += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}")
        for problem in problems:
            for line in str(problem).splitlines():
                print(f"# {line}")

    def skip(self, name, reason):
        """A case that cannot be tried here."""
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")

    def done(self):
        """Ends the program."""
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)
