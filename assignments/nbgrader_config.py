"""How nbgrader handles the assignments. grading.py adds the course's root folder, which the folders here start from."""

import os
import pathlib
import sys
import tempfile

c = get_config()  # noqa: F821  (nbgrader defines it)

c.CourseDirectory.source_directory = "assignments/source"
c.CourseDirectory.release_directory = "build/release"
c.CourseDirectory.submitted_directory = "build/submitted"
c.CourseDirectory.autograded_directory = "build/autograded"
c.CourseDirectory.feedback_directory = "build/feedback"

c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("write your code here")'
}
c.GenerateAssignment.permissions = 644
c.Autograde.permissions = 644

c.Execute.timeout = int(os.environ.get("LIMIT", 60))  # seconds a cell
# in the kernel, before the first cell: a limit of what a cell may print
limits = pathlib.Path(__file__).resolve().parent / "kernel_limits.py"
c.Execute.extra_arguments = [
    f"--IPKernelApp.exec_files=['{limits}']",
    "--HistoryManager.hist_file=:memory:",
]
# a warning on stderr costs no marks: nbgrader takes it for a failed check
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "(?s).*"

# the kernel talks through files: with TCP ports, two kernels that start at
# once now and then take the same ones
channels = tempfile.TemporaryDirectory()
sys.modules["nbgrader_config_channels"] = channels  # kept until the end
c.KernelManager.transport = "ipc"
c.KernelManager.ip = f"{channels.name}/kernel"
