"""Runs in each kernel that grades, before the first cell: what one cell may print is limited."""


def limit_output(characters=200_000):
    import sys

    printed = 0

    def new_cell(*_):
        nonlocal printed
        printed = 0

    def limited(write):
        def write_within_limit(text):
            nonlocal printed
            printed += len(text)
            if printed - len(text) > characters:
                raise RuntimeError(
                    f"more than {characters:,} characters of output"
                )
            return write(text[:characters])

        return write_within_limit

    for stream in (sys.stdout, sys.stderr):
        stream.write = limited(stream.write)
    get_ipython().events.register("pre_run_cell", new_cell)  # noqa: F821


limit_output()
