"""Makes the student versions of the assignments, and grades what students hand in. The Makefile calls it.

python assignments/grading.py release          student versions, into build/release/
python assignments/grading.py grade SUBMITTED  grade SUBMITTED/student/NN_topic/NN_topic.ipynb: build/grades.csv, and
                                               feedback in build/feedback/student/NN_topic/
"""

import csv
import html
import multiprocessing
import os
import pathlib
import shutil
import sys

import nbformat
from distributed import as_completed
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import PyFileConfigLoader

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
CONFIG = "nbgrader_config.py"

sys.path.append(str(ROOT / "notebooks"))
import cluster  # noqa: E402

# nbgrader calls alembic by its name
os.environ["PATH"] = os.pathsep.join(
    [str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")]
)


class Course:
    """Paths of a course, and nbgrader for it."""

    def __init__(self, root=ROOT):
        self.root = pathlib.Path(root).resolve()
        self.build = self.root / "build"
        self.database = f"sqlite:///{self.build}/gradebook.db"
        sources = (self.root / "assignments" / "source").glob("*/*.ipynb")
        self.assignments = sorted(path.stem for path in sources)

    def folder(self, step, student="", assignment=""):
        """A folder of build/: release, submitted, autograded or feedback."""
        return self.build / step / student / assignment

    def start_anew(self, *steps):
        """Removes the gradebook and what earlier steps left."""
        self.build.mkdir(exist_ok=True)
        (self.build / "gradebook.db").unlink(missing_ok=True)
        for step in steps:
            shutil.rmtree(self.folder(step), ignore_errors=True)

    def api(self):
        config = PyFileConfigLoader(CONFIG, path=str(HERE)).load_config()
        config.CourseDirectory.root = str(self.root)
        config.CourseDirectory.db_url = self.database
        config.NbGraderAPI.log_level = "ERROR"
        return NbGraderAPI(CourseDirectory(config=config), config=config)

    def generate(self, assignments):
        """Makes student versions, and enters their cells and points into the gradebook."""
        for name in assignments:
            made = self.api().generate_assignment(name)
            if not made["success"]:
                raise RuntimeError(f"{name}: {made['log']}")

    def autograde(self, student, assignment, seconds):
        """Runs one submission in a process of its own. Returns what went wrong, or an empty string."""
        os.environ["LIMIT"] = str(seconds)  # read by nbgrader_config.py
        # a fork: nbgrader takes seconds to import
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        arguments = (self, student, assignment, sender)
        process = context.Process(target=run_nbgrader, args=arguments)
        process.start()
        ended = receiver.poll(5 * seconds)
        if not ended:
            process.kill()  # its kernel notices, and ends too
            return (
                f"stopped: the whole notebook took longer than {5 * seconds} s"
            )
        process.join()
        log = receiver.recv()
        if "DeadKernelError" in log:
            return "the kernel died: quit(), os._exit, or too little memory"
        if "CellTimeoutError" in log:
            return f"stopped: a cell ignored the end of its {seconds} s"
        return log and f"nbgrader gave up: {log.strip().splitlines()[-1]}"


def run_nbgrader(course, student, assignment, sender):
    """Autogrades, and sends nbgrader's log if it failed, else an empty string."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        done = course.api().autograde(assignment, student)
        sender.send("" if done["success"] else done["error"] + done["log"])
    except BaseException as error:
        sender.send(f"{type(error).__name__}: {error}")


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def put_back(submitted, released):
    """Inserts cells of the assignment that were deleted, each after the one that it follows. Returns their names."""
    deleted, place = [], -1
    for cell in released.cells:
        if grade_id(cell):
            names = [grade_id(other) for other in submitted.cells]
            if grade_id(cell) in names:
                place = names.index(grade_id(cell))
            else:
                place += 1
                submitted.cells.insert(place, cell)
                deleted.append(grade_id(cell))
    return deleted


def collect(course, folder, student, assignment):
    """Copies a submission into build/submitted, repaired where that is safe.

    Returns remarks, and whether it can be run.
    """
    found = sorted(folder.glob("*.ipynb"))
    wanted = folder / f"{assignment}.ipynb"
    if not found:
        return ["no notebook in the folder"], False
    remarks = []
    if wanted not in found:
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            return [
                f"several notebooks, none named {wanted.name}: {names}"
            ], False
        wanted = found[0]
        remarks.append(f"the file was named {wanted.name}")
    try:
        notebook = nbformat.read(wanted, as_version=4)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:100]
        return [*remarks, f"the file is not a notebook ({reason})"], False
    release = course.folder("release", "", assignment) / f"{assignment}.ipynb"
    released = nbformat.read(release, as_version=4)
    deleted = put_back(notebook, released)
    if len(deleted) == len([cell for cell in released.cells if grade_id(cell)]):
        return [
            *remarks,
            "no cell of this assignment is in the notebook",
        ], False
    if deleted:
        remarks.append(f"deleted cells were put back: {', '.join(deleted)}")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    target = course.folder("submitted", student, assignment)
    target.mkdir(parents=True)
    nbformat.write(notebook, target / f"{assignment}.ipynb")
    return remarks, True


def remarks_on_run(notebook, seconds):
    """What happened in an autograded notebook, apart from wrong answers."""
    remarks = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type != "error":
                continue
            name = grade_id(cell) or "a cell of the student's own"
            if output.ename == "CellTimeoutError":
                remarks.append(f"{name}: stopped after {seconds} s")
            if output.ename == "SystemExit":
                remarks.append(f"{name}: sys.exit was called")
            if "characters of output" in output.evalue:
                remarks.append(f"{name}: {output.evalue}, cut off")
    return remarks


def marks(course, student, assignment):
    """Points, points that can be reached, and points by task, from nbgrader's gradebook."""
    with Gradebook(course.database) as gradebook:
        best = gradebook.find_assignment(assignment).max_score
        tasks = {}
        for cell in gradebook.find_notebook(assignment, assignment).grade_cells:
            tasks.setdefault(task_of(cell.name), 0.0)
        try:
            submission = gradebook.find_submission(assignment, student)
            grades = submission.notebooks[0].grades
        except Exception:  # it never reached nbgrader
            return 0.0, best, tasks
        for grade in grades:
            tasks[task_of(grade.name)] += grade.score
        return sum(tasks.values()), best, tasks


def task_of(name):
    """task_2 from task-2b-check."""
    return "_".join(name.split("-")[:2]).rstrip("abcdefgh")


def grade(submitted, root=ROOT, seconds=60):
    """Grades every submission, writes build/grades.csv and the feedback, and prints a summary. One row a submission.

    A cell may run for `seconds`, a whole notebook for five times as long.
    """
    course, submitted = Course(root), pathlib.Path(submitted).resolve()
    refuse_build(course, submitted)
    course.start_anew("submitted", "autograded", "feedback")
    folders = folders_in(submitted)
    course.generate(
        sorted({path.name for path in folders} & set(course.assignments))
    )
    rows = []
    for row in (grade_one(course, folder, seconds) for folder in folders):
        rows.append(row)
        say(row)
    write_grades(course.build / "grades.csv", rows)
    write_feedback(course, rows)
    print(f"{len(rows)} submissions: see build/grades.csv, build/feedback/")
    return rows


def refuse_build(course, submitted):
    if submitted.is_relative_to(course.build):
        raise ValueError(
            f"{submitted} lies in build/, which is made anew; move it elsewhere"
        )


def folders_in(submitted):
    """The folders of all submissions."""
    return sorted(
        path
        for path in submitted.glob("[!._]*/[!._]*")  # no .git, no __MACOSX
        if path.is_dir()
    )


def say(row):
    print(
        f"{row['student']}, {row['assignment']}: {row.get('score', 0):g} of "
        f"{row.get('max_score', 0):g}  {row['remarks']}",
        flush=True,
    )


def grade_one(course, folder, seconds):
    student, assignment = folder.parent.name, folder.name
    row = {"student": student, "assignment": assignment}
    if assignment not in course.assignments:
        return row | {"remarks": "no assignment has the name of this folder"}
    remarks, can_be_run = collect(course, folder, student, assignment)
    if can_be_run:
        failure = course.autograde(student, assignment, seconds)
        target = course.folder("autograded", student, assignment)
        if failure:
            shutil.rmtree(target, ignore_errors=True)
            remarks.append(failure)
        else:
            path = target / f"{assignment}.ipynb"
            notebook = nbformat.read(path, as_version=4)
            remarks += remarks_on_run(notebook, seconds)
    score, best, tasks = marks(course, student, assignment)
    row |= {"score": score, "max_score": best, "remarks": "; ".join(remarks)}
    return row | tasks


def grade_on_cluster(submitted, address, root=ROOT, seconds=60):
    """As `grade`, some submissions at a time by each worker of a Dask cluster: the grades and the feedback come back,
    and nbgrader's gradebook stays there."""
    course, submitted = Course(root), pathlib.Path(submitted).resolve()
    refuse_build(course, submitted)
    course.start_anew("feedback")
    folders, rows = folders_in(submitted), []
    with cluster.connect(address) as client:
        client.upload_file(cluster.__file__)  # workers import it
        archive = client.scatter(cluster.project_archive(course.root))
        workers = len(client.scheduler_info()["workers"])
        futures = {
            client.submit(
                cluster.run_in_project,
                archive,
                ["assignments/grading.py", "grade", "submitted"],
                files_of(portion, submitted),
                ["build/grades.csv", "build/feedback/**/*.html"],
                {"LIMIT": str(seconds)},
                pure=False,
            ): portion
            for portion in portions(folders, workers)
        }
        for future in as_completed(futures):
            for row in rows_of(course, futures[future], future):
                rows.append(row)
                say(row)
            future.release()
    rows.sort(key=lambda row: (row["student"], row["assignment"]))
    write_grades(course.build / "grades.csv", rows)
    print(f"{len(rows)} submissions: see build/grades.csv, build/feedback/")
    return rows


def portions(folders, workers):
    """Submissions that one program grades, since it takes seconds to start; several for each worker, so that all end at
    about the same time."""
    size = len(folders) // (4 * max(workers, 1))
    size = min(max(size, 1), 10)
    return [folders[i : i + size] for i in range(0, len(folders), size)]


def files_of(portion, submitted):
    """The notebooks of submissions, and where grading looks for them."""
    files = {}
    for folder in portion:
        place = pathlib.Path("submitted") / folder.relative_to(submitted)
        files[str(place / ".keep")] = b""  # also where there is no notebook
        for path in folder.glob("*.ipynb"):
            files[str(place / path.name)] = path.read_bytes()
    return files


def rows_of(course, portion, future):
    """The lines of submissions that a worker has graded, or could not grade. Their feedback is written."""
    remark, graded = "", {}
    if future.status == "cancelled":
        remark = "not graded: the scheduler is gone"
    elif future.status != "finished":
        reason = f"{type(future.exception()).__name__}: {future.exception()}"
        remark = f"its worker failed: {reason}"
    else:
        printed, files = future.result()
        remark = f"its worker failed: {printed[-200:]}"
        text = files.pop("build/grades.csv", b"").decode()
        for row in csv.DictReader(text.splitlines()):
            graded[row["student"], row["assignment"]] = row
        cluster.write_files(course.root, files)
    for folder in portion:
        student, assignment = folder.parent.name, folder.name
        row = {"student": student, "assignment": assignment}
        found = graded.get((student, assignment), {"remarks": remark})
        points = {
            name: float(value)
            for name, value in found.items()
            if name.startswith(("score", "max_score", "task_")) and value
        }
        yield row | points | {"remarks": found["remarks"]}


def write_grades(path, rows):
    columns = ["student", "assignment", "score", "max_score"]
    columns += sorted({x for row in rows for x in row if x.startswith("task_")})
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*columns, "remarks"])
        writer.writeheader()
        writer.writerows(rows)


def write_feedback(course, rows):
    """nbgrader's feedback where a notebook ran to its end, else a page with the reason."""
    graded = {path.name for path in course.folder("autograded").glob("*/*")}
    for assignment in sorted(graded):
        made = course.api().generate_feedback(assignment)
        if not made["success"]:
            print(f"no feedback on {assignment}: {made['log']}", flush=True)
    for row in rows:
        student, assignment = row["student"], row["assignment"]
        folder = course.folder("feedback", student, assignment)
        page = folder / f"{assignment}.html"
        if page.exists():  # the sentence of a check is one long line: break it
            text = page.read_text(encoding="utf-8")
            wrap = "<style>pre { white-space: pre-wrap !important }</style>"
            page.write_text(
                text.replace("</head>", f"{wrap}</head>", 1), encoding="utf-8"
            )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            text = html.escape(f"{student}, {assignment}: {row['remarks']}")
            page.write_text(
                f"<!doctype html><meta charset='utf-8'><p>{text}</p>\n",
                encoding="utf-8",
            )


def release(root=ROOT):
    course = Course(root)
    course.start_anew("release")
    course.generate(course.assignments)
    for name in course.assignments:
        print(f"build/release/{name}/{name}.ipynb")


def main(arguments):
    match arguments:
        case ["release"]:
            release()
        case ["grade", folder] if pathlib.Path(folder).is_dir():
            address = os.environ.get("DASK_SCHEDULER_ADDRESS")
            seconds = int(os.environ.get("LIMIT", 60))
            try:
                if address:
                    grade_on_cluster(folder, address, seconds=seconds)
                else:
                    grade(folder, seconds=seconds)
            except (ValueError, ConnectionError) as error:
                sys.exit(str(error))
        case ["grade", folder]:
            sys.exit(f"no folder {folder!r}: make grade SUBMITTED=folder")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
