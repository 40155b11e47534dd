# SPDX-License-Identifier: GPL-3.0-or-later
"""A real GIMP on a screen of its own, driven as a person would: through its menus and dialogs (by
the accessibility bus) and its keys; and, to see what came of it, through GIMP's Script-Fu server.
Everything waits for what should be seen, never for a time."""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from harness import quote

SCREEN = (1366, 900)
MAIN_TITLE = r"GIMP$|^GNU Image Manipulation Program$"
TIMEOUT_S = 60
START_TIMEOUT_S = 240  # the first start asks every plug-in what it can do


def enter_session():
    """Runs this program again with a screen and a session bus, unless it has them. Services of the
    bus print what they like to its output, so the test's own is handed on beside it."""
    if output := os.environ.get("SOMNIUM_GUI_OUTPUT"):
        os.dup2(int(output), 1)
        return
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24"]
    server = subprocess.Popen(
        command + ["-nolisten", "tcp"], pass_fds=[writer], stderr=subprocess.DEVNULL
    )
    os.close(writer)
    with os.fdopen(reader) as pipe:
        display = pipe.readline().strip()
    # a stray setting of the caller's must not find another bus or screen
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DBUS_", "WAYLAND_"))}
    output = os.dup(1)
    environment.update(
        DISPLAY=f":{display}", SOMNIUM_GUI_OUTPUT=str(output), GDK_BACKEND="x11", NO_AT_BRIDGE="0"
    )
    command = ["dbus-run-session", "--", sys.executable, *sys.argv]
    try:
        status = subprocess.run(
            command, env=environment, stdout=subprocess.DEVNULL, pass_fds=[output], check=False
        ).returncode
    finally:
        server.terminate()
        server.wait()
    sys.exit(status)


def wait_for(what, get, timeout_s=TIMEOUT_S):
    """The first true value of get()."""
    end = time.monotonic() + timeout_s
    while True:
        value = get()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {timeout_s} s")
        time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gimp:
    """A running GIMP, with a picture open unless there is None."""

    def __init__(self, profile, picture, screenshots, language=None):
        import pyatspi  # needs the session

        self.atspi = pyatspi
        self.screenshots = Path(screenshots)
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.plug_in = Path(profile) / "plug-ins/somnium/somnium"
        environment = dict(os.environ, GIMP3_DIRECTORY=str(profile), LANG="C.UTF-8", LANGUAGE="en")
        if language:
            environment.update(LANG=f"{language}.UTF-8", LANGUAGE=language)
            environment.pop("LC_ALL", None)
        serve = "(plug-in-script-fu-server #:run-mode RUN-NONINTERACTIVE"
        serve += f' #:ip "127.0.0.1" #:port {self.port} #:logfile "")'
        command = ["gimp-3.0", "--new-instance", "--no-splash"]
        command += ["--batch-interpreter=plug-in-script-fu-eval", f"--batch={serve}"]
        command += [str(picture)] if picture else []
        self.picture = picture
        self.log = open(Path(profile) / "gui.log", "w+", encoding="utf-8")
        self.manager = subprocess.Popen(
            ["openbox"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def __enter__(self):
        wait_for("GIMP's Script-Fu server", self._connect, START_TIMEOUT_S)
        if self.picture:
            wait_for("the picture", lambda: self.number("(vector-length (car (gimp-get-images)))"))
        wait_for("GIMP's window", lambda: self.windows(MAIN_TITLE), START_TIMEOUT_S)
        return self

    def __exit__(self, *_):
        for process in (self.process, self.manager):
            try:
                os.killpg(process.pid, signal.SIGKILL) if process is self.process else process.kill()
            except ProcessLookupError:
                pass
            process.wait()
        self.log.close()

    # Script-Fu

    def _connect(self):
        if self.process.poll() is not None:
            raise RuntimeError("GIMP ended at its start")
        try:
            self.server = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)
        except OSError:
            return False
        return True

    def script(self, code):
        """The text of a script's value."""
        data = code.encode("utf-8")
        self.server.sendall(b"G" + struct.pack(">H", len(data)) + data)
        _, failed, size = struct.unpack(">cBH", self._receive(4))
        text = self._receive(size).decode("utf-8", "replace")
        if failed:
            raise RuntimeError(f"{code}: {text}")
        return text

    def _receive(self, size):
        data = b""
        while len(data) < size:
            chunk = self.server.recv(size - len(data))
            if not chunk:
                raise RuntimeError("GIMP's Script-Fu server has gone")
            data += chunk
        return data

    def number(self, code):
        return int(self.script(code))

    def is_dirty(self):
        return self.number(f"(car (gimp-image-is-dirty {self.image()}))") != 0

    def image(self):
        """A Script-Fu expression: the only image."""
        return "(vector-ref (car (gimp-get-images)) 0)"

    def layers(self):
        """The names of the image's layers, from the top."""
        names = "(lambda (layer) (car (gimp-item-get-name layer)))"
        code = f"(vector->list (car (gimp-image-get-layers {self.image()})))"
        return re.findall(r'"([^"]*)"', self.script(f"(map {names} {code})"))

    def count_layers(self):
        return self.number(f"(vector-length (car (gimp-image-get-layers {self.image()})))")

    def save(self, path):
        self.script(f"(gimp-file-save RUN-NONINTERACTIVE {self.image()} {quote(path)} -1)")

    # Windows

    def _applications(self):
        return [application for application in self.atspi.Registry.getDesktop(0) if application]

    def windows(self, pattern):
        """Accessible windows whose title matches."""
        found = []
        for application in self._applications():
            try:
                found += [w for w in application if w and re.search(pattern, w.name or "")]
            except Exception:  # an application may vanish while it is looked at
                continue
        return found

    def find(self, root, role, pattern):
        """The widgets below root that are of a role and whose name matches; only visible ones."""
        try:
            children = list(root)
            mine = root.getRoleName() == role and re.search(pattern, root.name or "")
            if mine and root.getState().contains(self.atspi.STATE_VISIBLE):
                return [root]
        except Exception:  # gone meanwhile
            return []
        return [found for child in children if child for found in self.find(child, role, pattern)]

    def window(self, pattern, timeout_s=TIMEOUT_S):
        """Waits for a window on the screen."""
        def search():
            showing = self.atspi.STATE_SHOWING
            return [w for w in self.windows(pattern) if w.getState().contains(showing)]

        return wait_for(f"a window {pattern}", search, timeout_s)[0]

    def wait_widget(self, root, role, pattern):
        return wait_for(f"a {role} {pattern}", lambda: self.find(root, role, pattern))[0]

    def click(self, root, role, pattern):
        """Presses a button or chooses a menu entry."""
        self.wait_widget(root, role, pattern).queryAction().doAction(0)

    def control(self, dialog, label):
        """The control that a label is for."""
        for relation in self.wait_widget(dialog, "label", label).getRelationSet():
            if relation.getRelationType() == self.atspi.RELATION_LABEL_FOR:
                return relation.getTarget(0)
        raise RuntimeError(f"the label {label} is for no control")

    def set_number(self, dialog, label, number):
        self.control(dialog, label).queryValue().currentValue = number

    def get_number(self, dialog, label):
        return self.control(dialog, label).queryValue().currentValue

    def set_text(self, dialog, label, text):
        self.control(dialog, label).queryEditableText().setTextContents(text)

    def choose(self, dialog, label, entry):
        """Chooses an entry of a combo box."""
        combo = self.control(dialog, label)
        names = [item.name for item in combo[0]]
        combo.querySelection().selectChild(next(i for i, n in enumerate(names) if re.search(entry, n)))

    def window_with(self, role, pattern, timeout_s=TIMEOUT_S):
        """Waits for a window that shows such a widget."""
        def search():
            for window in self.windows(""):
                widgets = self.find(window, role, pattern)
                if any(w.getState().contains(self.atspi.STATE_SHOWING) for w in widgets):
                    return window
            return None

        return wait_for(f"a window with the {role} {pattern}", search, timeout_s)

    def window_without(self, role, pattern, timeout_s=TIMEOUT_S):
        """Waits until no window shows such a widget."""
        def search():
            return not any(
                w.getState().contains(self.atspi.STATE_SHOWING)
                for window in self.windows("")
                for w in self.find(window, role, pattern)
            )

        wait_for(f"the end of the {role} {pattern}", search, timeout_s)

    def sensitive(self, widget):
        return widget.getState().contains(self.atspi.STATE_SENSITIVE)

    def menu(self, *path):
        """Chooses a menu entry of the image window; each part is a pattern."""
        root = self.main_window()
        for part in path[:-1]:
            root = wait_for(f"the menu {part}", lambda: self.find(root, "menu", part))[0]
        entry = wait_for(f"the menu entry {path[-1]}", lambda: self.find(root, "menu item", path[-1]))[0]
        wait_for(f"{path[-1]} to be sensitive", lambda: self.sensitive(entry))
        entry.queryAction().doAction(0)

    def main_window(self):
        return self.window(MAIN_TITLE)

    def key(self, keys):
        """Types into the window that has the focus."""
        subprocess.run(["xdotool", "key", keys], check=True)

    def type(self, text):
        """A text into what has the focus."""
        subprocess.run(["xdotool", "type", text], check=True)

    def click_at(self, widget):
        """With the mouse, in the middle of it."""
        box = widget.queryComponent().getExtents(0)
        place = [str(box.x + box.width // 2), str(box.y + box.height // 2)]
        subprocess.run(["xdotool", "mousemove", *place, "click", "1"], check=True)

    def focus_image(self):
        """Brings the image window to the front, its canvas ready for keys."""
        command = ["xdotool", "search", "--onlyvisible", "--name", "GIMP$"]

        def search():
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()

        window = wait_for("the image window", search)[-1]
        subprocess.run(["xdotool", "windowactivate", "--sync", window], check=True)

    def wait_plug_in_end(self, timeout_s):
        """Until no process of the plug-in is left: then GIMP has all that it did."""
        def processes():
            found = []
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    program = entry.read_bytes().split(b"\0")[0]
                except OSError:  # it has ended meanwhile
                    continue
                found += [program] if program == str(self.plug_in).encode() else []
            return found

        wait_for("the end of the plug-in", lambda: not processes(), timeout_s)

    def screenshot(self, name):
        """A picture of the whole screen."""
        path = self.screenshots / f"{name}.png"
        subprocess.run(["import", "-window", "root", str(path)], check=True)
        return path


def provide_locale(name, folder):
    """Whether GIMP can run in a language, if need be with a locale made for this test alone."""
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=True).stdout
    if f"{name}.utf8" in listed.split():
        return True
    made = Path(folder, f"{name}.UTF-8")
    command = ["localedef", "-i", name, "-f", "UTF-8", str(made)]
    if shutil.which("localedef") is None or subprocess.run(command, check=False).returncode != 0:
        return False
    os.environ["LOCPATH"] = folder
    return True


def tools_missing():
    """Programs that the GUI test needs and that are not there."""
    tools = ("Xvfb", "dbus-run-session", "openbox", "xdotool", "import", "gimp-3.0")
    return [tool for tool in tools if not shutil.which(tool)]
