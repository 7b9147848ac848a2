"""A SLURM cluster of one node on this machine: munge, slurmctld and slurmd on loopback, with a GPU that is none."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "munged", "munge")

# The executor's job steps start with a clean environment, so that SLURM must find its files at their usual place.
_FILES = Path("/etc/slurm")
_NAMES = ("slurm.conf", "gres.conf", "cgroup.conf")
_PATIENCE = 30  # seconds


def missing() -> str:
    """Why no node can be started here; "" if one can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"needs {', '.join(absent)}: install Debian's slurmctld, slurmd, slurm-client and munge"
    if os.geteuid() != 0:
        return "starts SLURM's daemons, which takes root"
    if any((_FILES / name).exists() for name in _NAMES):
        return f"{_FILES} holds the configuration of a SLURM of this machine's own"
    return ""


@dataclass
class SlurmNode:
    """A node whose files are all below `folder`."""

    folder: Path

    def start(self) -> None:
        """Start the daemons; returns when the node takes jobs."""
        for name in ("state", "spool", "log", "munge"):
            (self.folder / name).mkdir(parents=True)
        self._start_munge()
        self._write_files()
        for daemon in ("slurmctld", "slurmd"):
            subprocess.run([daemon], check=True, capture_output=True, timeout=_PATIENCE)
        deadline = time.monotonic() + _PATIENCE
        while "idle" not in self.ask("sinfo", "--noheader", "--format", "%T"):
            if time.monotonic() > deadline:
                raise TimeoutError((self.folder / "log" / "slurmctld.log").read_text(encoding="utf-8"))
            time.sleep(0.2)

    def stop(self) -> None:
        """End all jobs and daemons, and remove the links to the files."""
        subprocess.run(["scancel", "--user", "root"], check=False, capture_output=True, timeout=_PATIENCE)
        for file in ("slurmd.pid", "slurmctld.pid", "munge/pid"):
            path = self.folder / file
            if path.is_file():
                _end(int(path.read_text(encoding="utf-8")))
        for name in _NAMES:
            if (_FILES / name).is_symlink() and (_FILES / name).readlink() == self.folder / name:
                (_FILES / name).unlink()

    def ask(self, *command: str) -> str:
        """What a command of SLURM prints; "" when it fails."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
        return done.stdout if done.returncode == 0 else ""

    def _start_munge(self) -> None:
        """Use a munged that runs; else start one with a key of its own."""
        if subprocess.run(["munge", "-n"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0:
            return
        folder = self.folder / "munge"
        (folder / "key").write_bytes(os.urandom(1024))
        (folder / "key").chmod(0o400)
        Path("/run/munge").mkdir(exist_ok=True)
        files = {"key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={folder / name}" for option, name in files.items()]
        subprocess.run(["munged", "--force", *options], check=True, capture_output=True, timeout=_PATIENCE)

    def _write_files(self) -> None:
        host = socket.gethostname().split(".")[0]
        gpu = self.folder / "nvidia0"
        os.mknod(
            gpu, 0o666 | 0o020000, os.makedev(1, 3)
        )  # the null device: SLURM counts device files, nothing opens it
        settings = {
            "ClusterName": "test",
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmctldPort": _free_port(),
            "SlurmdPort": _free_port(),
            "SlurmUser": "root",
            "SlurmdUser": "root",
            "StateSaveLocation": self.folder / "state",
            "SlurmdSpoolDir": self.folder / "spool",
            "SlurmctldPidFile": self.folder / "slurmctld.pid",
            "SlurmdPidFile": self.folder / "slurmd.pid",
            "SlurmctldLogFile": self.folder / "log" / "slurmctld.log",
            "SlurmdLogFile": self.folder / "log" / "slurmd.log",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "JobAcctGatherType": "jobacct_gather/none",
            "AccountingStorageType": "accounting_storage/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_CPU_Memory",
            "SchedulerParameters": "sched_interval=1,bf_interval=1",
            "SlurmdParameters": "config_overrides",  # the memory below is only counted
            "MpiDefault": "none",
            "ReturnToService": 2,
            "KillWait": 2,
            "MinJobAge": 3600,  # finished jobs stay in the queue, where there is no accounting to ask
            "GresTypes": "gpu",
        }
        lines = [f"{name}={value}" for name, value in settings.items()]
        lines += [
            f"NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=100000 Gres=gpu:1 State=UNKNOWN",
            "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
        ]
        content = {
            "slurm.conf": "\n".join([*lines, ""]),
            "gres.conf": f"Name=gpu File={gpu}\n",
            "cgroup.conf": "CgroupPlugin=cgroup/v1\n",
        }
        _FILES.mkdir(exist_ok=True)
        for name, text in content.items():
            (self.folder / name).write_text(text, encoding="utf-8")
            (_FILES / name).symlink_to(self.folder / name)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + _PATIENCE
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
